import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { nextPeriod } from '../../src/domain/period.js';
import { createApiKey } from '../../src/services/apiKeys.js';
import { ledgerOf } from '../support/ledger.js';
import { close, dayOf, monthsAgo, recordOf, subscribedIn, track } from '../support/months.js';
import { type Answer, sharedProduct } from '../support/product.js';
import { freeTeam, timeline } from '../support/stories.js';

const product = sharedProduct();

const open = monthsAgo(0);
const last = monthsAgo(1);

const record = (teamId: string, tokens: number, more: object = {}) =>
  product.api('POST', '/api/v1/usage', { teamId, idempotencyKey: randomUUID(), tokens, ...more });

const correct = (teamId: string, tokens: number, more: object = {}, key?: string) =>
  product.api(
    'POST',
    '/api/v1/usage/corrections',
    {
      teamId,
      idempotencyKey: randomUUID(),
      tokens,
      period: open.id,
      reason: 'counted twice',
      actor: 'ana@tagih.example',
      ...more,
    },
    key,
  );

const usageOf = async (teamId: string, period = open.id): Promise<Answer['body']> =>
  (await product.api('GET', `/api/v1/teams/${teamId}/usage?period=${period}`)).body;

/** The period's total, of which its days must make up the whole. */
async function usedBy(teamId: string, period = open.id): Promise<number> {
  const { usedTokens, days } = await usageOf(teamId, period);
  const tokens: number[] = days.map((day: { tokens: number }) => day.tokens);
  expect(tokens.reduce((sum, one) => sum + one, 0)).toBe(usedTokens);
  return usedTokens;
}

/** All that is kept of usage. */
const usageKept = async () =>
  Object.entries(await ledgerOf(product)).filter(([table]) =>
    /^usage_(events|totals|days|late|groups)/.test(table),
  );

/** Refused with this code, and no usage has changed. */
async function refused(request: () => Promise<Answer>, status: number, code: string) {
  const before = await usageKept();
  const answer = await request();
  expect(answer).toMatchObject({ status, body: { code } });
  expect(await usageKept()).toEqual(before);
  return answer.body;
}

describe('a correction is an event of its own, with a reason and who made it (R13)', () => {
  test('it takes the open period down and up, and is answered like usage', async () => {
    const teamId = await freeTeam(product);
    await record(teamId, 450);
    const down = await correct(teamId, -300);
    expect(down).toMatchObject({
      status: 200,
      body: {
        result: 'recorded',
        period: open.id,
        billedIn: open.id,
        usedTokens: 150,
        remainingTokens: 350,
        access: { allowed: true, remainingTokens: 350 },
      },
    });
    expect((await correct(teamId, 400)).body).toMatchObject({
      usedTokens: 550,
      access: { allowed: false, reason: 'free_limit_reached' },
    });
    expect(await usedBy(teamId)).toBe(550);
    const { rows } = await product.pool.query(
      `select tokens::int, correction from tagih.usage_events
        where team_id = $1 and correction is not null order by received_at`,
      [teamId],
    );
    const correction = { actor: 'ana@tagih.example', reason: 'counted twice' };
    expect(rows).toEqual([
      { tokens: -300, correction },
      { tokens: 400, correction },
    ]);
  });

  test('it is on the timeline of its team, once (R31)', async () => {
    const teamId = await freeTeam(product);
    await record(teamId, 10);
    const idempotencyKey = randomUUID();
    await correct(teamId, -4, { idempotencyKey });
    await correct(teamId, -4, { idempotencyKey });
    expect(await timeline(product, teamId)).toMatchObject([
      {
        kind: 'usage_corrected',
        summary: 'ana@tagih.example: counted twice',
        cause: idempotencyKey,
        actor: 'ana@tagih.example',
        details: { period: open.id, tokens: -4 },
      },
    ]);
  });

  test('of an ended month it counts in the last day of that', async () => {
    const teamId = await freeTeam(product);
    await record(teamId, 70, { occurredAt: dayOf(last, 3) });
    const { body } = await correct(teamId, -20, { period: last.id });
    expect(body).toMatchObject({ period: last.id, billedIn: last.id, usedTokens: 50 });
    expect(body.access.remainingTokens).toBe(500);
    expect(await usedBy(teamId, last.id)).toBe(50);
    const lastDay = new Date(last.end.getTime() - 86_400_000 + 7 * 3_600_000);
    expect((await usageOf(teamId, last.id)).days.at(-1)).toEqual({
      day: lastDay.toISOString().slice(0, 10),
      tokens: -20,
    });
    expect(await usedBy(teamId)).toBe(0);
  });
});

describe('a correction shares the keys of usage (R9)', () => {
  test('it is a duplicate when it comes again, also in a later moment', async () => {
    const teamId = await freeTeam(product);
    await record(teamId, 100);
    const given = { idempotencyKey: randomUUID() };
    const first = await correct(teamId, -30, given);
    await record(teamId, 5);
    expect((await correct(teamId, -30, given)).body).toEqual({
      ...first.body,
      result: 'duplicate',
      usedTokens: 75,
      remainingTokens: 425,
      access: { ...first.body.access, remainingTokens: 425 },
    });
    const atOnce = await Promise.all(Array.from({ length: 20 }, () => correct(teamId, -30, given)));
    expect(new Set(atOnce.map(({ body }) => body.result))).toEqual(new Set(['duplicate']));
    expect(await usedBy(teamId)).toBe(75);
  });

  test.each([
    ['tokens', { tokens: -31 }],
    ['a reason', { reason: 'another' }],
    ['an actor', { actor: 'budi@tagih.example' }],
    ['a period', { period: last.id }],
  ])('with another of %s it is a conflict, and the first stands', async (_, different) => {
    const teamId = await freeTeam(product);
    await record(teamId, 100);
    await record(teamId, 100, { occurredAt: dayOf(last, 3) });
    const given = { idempotencyKey: randomUUID() };
    await correct(teamId, -30, given);
    const conflicting = () => correct(teamId, -30, { ...given, ...different });
    await refused(conflicting, 409, 'idempotency_conflict');
  });

  test('a key of usage is none for a correction, nor the other way round', async () => {
    const teamId = await freeTeam(product);
    const usage = { idempotencyKey: randomUUID() };
    const correction = { idempotencyKey: randomUUID() };
    await record(teamId, 100, usage);
    await correct(teamId, 7, correction);
    await refused(() => correct(teamId, 100, usage), 409, 'idempotency_conflict');
    await refused(() => record(teamId, 7, correction), 409, 'idempotency_conflict');
    expect(await usedBy(teamId)).toBe(107);
  });
});

describe('below zero no period is taken', () => {
  test('the correction is refused, and nothing changes', async () => {
    const teamId = await freeTeam(product);
    await record(teamId, 100);
    await refused(() => correct(teamId, -101), 409, 'correction_below_zero');
    await refused(() => correct(teamId, -1, { period: last.id }), 409, 'correction_below_zero');
    expect((await correct(teamId, -100)).body.usedTokens).toBe(0);
  });

  test('of many at once those that fit are recorded, and usage beside them too (R11)', async () => {
    const teamId = await freeTeam(product);
    await record(teamId, 100);
    const answers = await Promise.all([
      ...Array.from({ length: 30 }, () => correct(teamId, -40)),
      ...Array.from({ length: 30 }, () => record(teamId, 1)),
    ]);
    const corrected = answers.slice(0, 30).filter(({ status }) => status === 200);
    const tooMany = answers.slice(0, 30).filter(({ status }) => status !== 200);
    expect(new Set(tooMany.map(({ body }) => body.code))).toEqual(
      new Set(['correction_below_zero']),
    );
    expect(answers.slice(30).map(({ status }) => status)).toEqual(Array(30).fill(200));
    expect([2, 3]).toContain(corrected.length);
    expect(await usedBy(teamId)).toBe(130 - 40 * corrected.length);
    for (const { body } of [...corrected, ...answers.slice(30)]) {
      expect(body.usedTokens).toBeGreaterThanOrEqual(0);
    }
  });
});

test('a correction of a closed month is a late line, which may be negative (R12)', async () => {
  const month = monthsAgo(2);
  const { teamId } = await subscribedIn(product, month, 'pro');
  await track(product, month, teamId, 60_000);
  await close(product, month);
  const before = await recordOf(product, month, teamId);
  const lateLines = async () =>
    (await product.api('GET', `/api/v1/teams/${teamId}/invoice-preview`)).body.lines.filter(
      ({ kind }: { kind: string }) => kind === 'late',
    );

  const down = await correct(teamId, -4_000, { period: month.id });
  expect(down.body).toMatchObject({ period: month.id, billedIn: open.id, usedTokens: 56_000 });
  expect(await lateLines()).toMatchObject([
    { period: month.id, tokens: -4_000, amount: { amount: -4_000 } },
  ]);
  await correct(teamId, 4_500, { period: month.id });
  expect(await lateLines()).toMatchObject([
    { period: month.id, tokens: 500, amount: { amount: 500 } },
  ]);
  await correct(teamId, -10_500, { period: month.id });
  expect(await lateLines()).toMatchObject([{ period: month.id, amount: { amount: -10_000 } }]);
  expect(await recordOf(product, month, teamId)).toEqual(before);
  expect(await usedBy(teamId, month.id)).toBe(50_000);
});

describe('what is no correction is refused', () => {
  test.each([
    ['0 tokens', { tokens: 0 }, 'tokens', /must not be 0/],
    ['half a token', { tokens: 0.5 }, 'tokens', /whole number/],
    ['too many tokens', { tokens: -1_000_000_001 }, 'tokens', /at least/],
    [
      'a month that has not begun',
      { period: nextPeriod(open, 'Asia/Jakarta').id },
      'period',
      /not begun/,
    ],
    ['a month past retention', { period: monthsAgo(15).id }, 'period', /13 months/],
    ['no month', { period: '2026-13' }, 'period', /YYYY-MM/],
    ['no reason', { reason: '' }, 'reason', /not be empty/],
    ['nobody', { actor: '' }, 'actor', /not be empty/],
    ['a time', { occurredAt: new Date().toISOString() }, 'occurredAt', /unknown/],
  ])('%s', async (_, fault, path, message) => {
    const teamId = await freeTeam(product);
    const { errors } = await refused(() => correct(teamId, 5, fault), 400, 'invalid_request');
    expect(errors).toEqual([{ path, message: expect.stringMatching(message) }]);
  });

  test('of a team that nobody knows, or by a key that may not', async () => {
    const [own, other] = [await freeTeam(product), await freeTeam(product)];
    await refused(() => correct('nobody', 5), 404, 'unknown_team');
    const keyWith = async (scope: 'usage:write' | 'operate', teamId: string | null) =>
      (await createApiKey(product.pool, { name: scope, scopes: [scope], teamId })).key;
    const recorder = await keyWith('usage:write', null);
    await refused(() => correct(own, 5, {}, recorder), 403, 'missing_scope');
    const bound = await keyWith('operate', own);
    await refused(() => correct(other, 5, {}, bound), 403, 'forbidden_team');
    expect((await correct(own, 5, {}, bound)).status).toBe(200);
  });
});
