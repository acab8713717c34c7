import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Scope } from '../../src/db/apiKeys.js';
import { transaction } from '../../src/db/pool.js';
import { createApiKey } from '../../src/services/apiKeys.js';
import { ledgerOf } from '../support/ledger.js';
import { dayOf, monthsAgo } from '../support/months.js';
import { type Answer, KEY, sharedProduct } from '../support/product.js';
import { send } from '../support/send.js';
import { freeTeam } from '../support/stories.js';

const product = sharedProduct({}, { worker: false });

const MB = 1024 * 1024;
const open = monthsAgo(0);
const last = monthsAgo(1);

const event = (teamId: string, tokens: number, more: object = {}) => ({
  teamId,
  idempotencyKey: randomUUID(),
  tokens,
  ...more,
});

const batch = (events: readonly unknown[], key = KEY) =>
  product.api('POST', '/api/v1/usage/batch', { events }, key);

const post = (body: string | Buffer<ArrayBuffer>, headers: Record<string, string> = {}) =>
  send(`${product.url}/api/v1/usage/batch`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', ...headers },
    body,
  });

const usedBy = async (teamId: string, period = open.id): Promise<number> =>
  (await product.api('GET', `/api/v1/teams/${teamId}/usage?period=${period}`)).body.usedTokens;

/** How often each result occurs; those that don't are left out of `given`. */
const countsOf = (given: Record<string, number>) => ({
  recorded: 0,
  duplicate: 0,
  conflict: 0,
  invalid: 0,
  unknown_team: 0,
  ...given,
});

const resultsOf = ({ body }: Answer): string[] =>
  body.results.map(({ result }: { result: string }) => result);

describe('a bad event has a result of its own, and takes no other down (R11)', () => {
  const fields: [string, object, RegExp][] = [
    ['no tokens', { tokens: undefined }, /tokens must be a whole number/],
    ['0 tokens', { tokens: 0 }, /tokens must be at least 1/],
    ['negative tokens', { tokens: -1 }, /tokens must be at least 1/],
    ['half a token', { tokens: 0.5 }, /tokens must be a whole number/],
    ['1e300 tokens', { tokens: 1e300 }, /tokens must be a whole number/],
    ['too many tokens', { tokens: 1_000_000_001 }, /tokens must be at most/],
    ['tokens as text', { tokens: '5' }, /tokens must be a whole number/],
    ['tokens in a list', { tokens: [5] }, /tokens must be a whole number/],
    ['an empty key', { idempotencyKey: '' }, /idempotencyKey must be 1 to 255/],
    ['a key of 10 kB', { idempotencyKey: 'k'.repeat(10_000) }, /idempotencyKey must be/],
    ['a key with a line break', { idempotencyKey: 'a\nb' }, /idempotencyKey must be/],
    ['a key with half a character', { idempotencyKey: '\ud800' }, /idempotencyKey must be/],
    ['a team id that is none', { teamId: '../a' }, /teamId must be 1 to 64/],
    ['a time without a zone', { occurredAt: '2026-11-01T00:00:00' }, /occurredAt must be/],
    ['a time too far ahead', { occurredAt: '2999-01-01T00:00:00Z' }, /5 minutes in the future/],
    ['a time too long ago', { occurredAt: '2001-01-01T00:00:00Z' }, /older than the 13 months/],
    ['metadata with a number', { metadata: { model: 5 } }, /metadata.model/],
    ['an unknown field', { amount: 1 }, /amount is unknown/],
    ['several faults', { tokens: 0, amount: 1 }, /tokens must.*; amount is unknown/],
  ];

  test('whatever is wrong with it', async () => {
    const teamId = await freeTeam(product);
    const bad = fields.map(([, faults]) => ({ ...event(teamId, 1), ...faults }));
    const events = bad.flatMap((one) => [one, event(teamId, 1)]);
    const { status, body } = await batch(events);
    expect(status).toBe(200);
    expect(body.counts).toEqual(countsOf({ recorded: bad.length, invalid: bad.length }));
    for (const [index, [what, , message]] of fields.entries()) {
      const sent = JSON.parse(JSON.stringify(bad[index]));
      expect(body.results[2 * index], what).toEqual({
        teamId: sent.teamId,
        idempotencyKey: sent.idempotencyKey,
        result: 'invalid',
        error: { code: 'invalid_request', detail: expect.stringMatching(message) },
      });
      expect(body.results[2 * index + 1]).toEqual({
        teamId,
        idempotencyKey: events[2 * index + 1]?.idempotencyKey,
        result: 'recorded',
      });
    }
    expect(await usedBy(teamId)).toBe(fields.length);
    const { rows } = await product.pool.query<{ key: string }>(
      'select idempotency_key as key from tagih.usage_events where team_id = $1',
      [teamId],
    );
    const good = events.flatMap(({ idempotencyKey }, index) => (index % 2 ? [idempotencyKey] : []));
    expect(rows.map(({ key }) => key).toSorted()).toEqual(good.toSorted());
  });

  test('also when it is no event at all: it has no name then', async () => {
    const teamId = await freeTeam(product);
    const good = event(teamId, 5);
    const events = [7, null, 'usage', [], {}, { teamId: 5, idempotencyKey: true }, good];
    const { body } = await batch(events);
    expect(body.counts).toEqual(countsOf({ recorded: 1, invalid: 6 }));
    for (const result of body.results.slice(0, 6)) {
      expect(result).toEqual({
        teamId: null,
        idempotencyKey: null,
        result: 'invalid',
        error: { code: 'invalid_request', detail: expect.stringMatching(/\.$/) },
      });
    }
    expect(body.totals).toMatchObject([{ teamId, usedTokens: 5 }]);
  });

  test('of a team that nobody knows', async () => {
    const teamId = await freeTeam(product);
    const answer = await batch([event('nobody', 1), event(teamId, 2), event('nobody', 3)]);
    expect(resultsOf(answer)).toEqual(['unknown_team', 'recorded', 'unknown_team']);
    expect(answer.body.results[0].error).toMatchObject({ code: 'unknown_team' });
    expect(answer.body.totals).toHaveLength(1);
  });

  test('of a team that the key is not for, existing or not', async () => {
    const [own, other] = [await freeTeam(product), await freeTeam(product)];
    const scopes: Scope[] = ['usage:write'];
    const { key } = await createApiKey(product.pool, { name: 'own', scopes, teamId: own });
    const answer = await batch([event(other, 1), event(own, 2), event('nobody', 3)], key);
    expect(resultsOf(answer)).toEqual(['invalid', 'recorded', 'invalid']);
    const [ofOther, , ofNobody] = answer.body.results;
    expect(ofOther.error).toMatchObject({ code: 'forbidden_team' });
    expect(ofNobody.error).toEqual(ofOther.error);
    expect(answer.body.totals).toMatchObject([{ teamId: own, usedTokens: 2 }]);
    expect(await usedBy(other)).toBe(0);
  });
});

describe('each key counts once (R9)', () => {
  test('also twice in one batch: the first stands', async () => {
    const teamId = await freeTeam(product);
    const first = event(teamId, 5, { metadata: { model: 'large' } });
    const answer = await batch([
      first,
      { ...first, tokens: 6 },
      first,
      { ...first, metadata: {} },
      event(teamId, 100),
    ]);
    expect(resultsOf(answer)).toEqual([
      'recorded',
      'conflict',
      'duplicate',
      'conflict',
      'recorded',
    ]);
    expect(answer.body.results[1].error).toMatchObject({ code: 'idempotency_conflict' });
    expect(answer.body.totals).toMatchObject([{ teamId, usedTokens: 105 }]);
    expect(await usedBy(teamId)).toBe(105);
  });

  test('across batches, cut in another way and at once', async () => {
    const teamId = await freeTeam(product);
    const events = Array.from({ length: 120 }, () => event(teamId, 3));
    const cut = (size: number) =>
      Array.from({ length: events.length / size }, (_, part) =>
        events.slice(part * size, (part + 1) * size),
      );
    const batches = [...cut(120), ...cut(40), ...cut(10)];
    const answers = await Promise.all(batches.map((events) => batch(events)));
    const results = answers.flatMap(resultsOf);
    expect(results.filter((result) => result === 'recorded')).toHaveLength(120);
    expect(results.filter((result) => result === 'duplicate')).toHaveLength(240);
    expect(await usedBy(teamId)).toBe(360);
  });
});

test('results come in order, with counts, and the totals of each team and period touched', async () => {
  const teams = await Promise.all(Array.from({ length: 10 }, () => freeTeam(product)));
  const months = [open, last, monthsAgo(2)];
  const events = Array.from({ length: 900 }, (_, index) => {
    const month = months[index % 3];
    const occurredAt = month === open || !month ? undefined : dayOf(month, index % 28);
    return event(teams[index % 10] ?? '', 1 + (index % 7), { occurredAt });
  });
  const { body } = await batch(events);
  expect(body.counts).toEqual(countsOf({ recorded: 900 }));
  expect(body.results.map((one: { idempotencyKey: string }) => one.idempotencyKey)).toEqual(
    events.map(({ idempotencyKey }) => idempotencyKey),
  );
  const expected = teams.flatMap((teamId, team) =>
    months.map(({ id, end }, month) => ({
      teamId,
      period: id,
      resetsAt: end.toISOString(),
      usedTokens: events
        .filter((_, index) => index % 10 === team && index % 3 === month)
        .reduce((sum, { tokens }) => sum + tokens, 0),
    })),
  );
  expect(body.totals).toHaveLength(30);
  expect(body.totals).toEqual(
    expect.arrayContaining(expected.map((one) => expect.objectContaining(one))),
  );
  for (const { teamId, period, usedTokens } of expected.slice(0, 3)) {
    expect(await usedBy(teamId, period)).toBe(usedTokens);
  }
});

describe('the body', () => {
  /** The answer is a problem, and nothing was recorded. */
  async function refused(request: () => Promise<Answer>, status: number, code: string) {
    const before = await ledgerOf(product);
    const answer = await request();
    expect(answer).toMatchObject({ status, body: { status, code } });
    expect(await ledgerOf(product)).toEqual(before);
    return answer.body;
  }

  test.each([
    ['no event', 0, /at least 1/],
    ['1,001 events', 1_001, /at most 1,000/],
  ])('with %s is refused', async (_, count, message) => {
    const teamId = await freeTeam(product);
    const events = Array.from({ length: count }, () => event(teamId, 1));
    const body = await refused(() => batch(events), 400, 'invalid_request');
    expect(body.errors).toEqual([{ path: 'events', message: expect.stringMatching(message) }]);
  });

  test('of 1,000 events and nearly 2 MB is taken, packed too; a larger one is not', async () => {
    const teamId = await freeTeam(product);
    const metadata = Object.fromEntries(
      Array.from({ length: 9 }, (_, index) => [`key${index}`, 'x'.repeat(200)]),
    );
    const events = Array.from({ length: 1_000 }, () => event(teamId, 1, { metadata }));
    const text = JSON.stringify({ events });
    expect(text.length).toBeLessThan(2 * MB);
    const largest = text.padEnd(2 * MB, ' ');
    expect((await post(largest)).body.counts).toEqual(countsOf({ recorded: 1_000 }));
    const packed = { 'content-encoding': 'gzip' };
    expect((await post(gzipSync(largest), packed)).body.counts).toEqual(
      countsOf({ duplicate: 1_000 }),
    );

    const tooLarge = text.padEnd(2 * MB + 1, ' ');
    await refused(() => post(tooLarge), 413, 'body_too_large');
    await refused(() => post(gzipSync(tooLarge), packed), 413, 'body_too_large');
    expect(await usedBy(teamId)).toBe(1_000);
  });

  test('that is cut off, of another type or no JSON is refused', async () => {
    const teamId = await freeTeam(product);
    const text = JSON.stringify({ events: [event(teamId, 1), event(teamId, 2)] });
    await refused(() => post(text.slice(0, -20)), 400, 'malformed_json');
    const packed = { 'content-encoding': 'gzip' };
    const cutOff = gzipSync(text).subarray(0, 60);
    await refused(() => post(Buffer.from(cutOff), packed), 400, 'malformed_encoding');
    const plain = { 'content-type': 'text/plain' };
    await refused(() => post(text, plain), 415, 'unsupported_media_type');
    await refused(() => post('{"events": 5}'), 400, 'invalid_request');
    await refused(() => post(text.replace('{', '{"dry":true,')), 400, 'invalid_request');
  });
});

test('more than may wait is refused at once, and recorded once when it comes again (R9)', async () => {
  const teamId = await freeTeam(product);
  await batch([event(teamId, 1)]);
  const batches = Array.from({ length: 12 }, () =>
    Array.from({ length: 1_000 }, () => event(teamId, 1)),
  );
  const refused = await transaction(product.pool, async (db) => {
    // Whoever has inserted an event can't add it up, nor commit, until this lock is given up.
    await db.query('select from tagih.usage_totals where team_id = $1 for update', [teamId]);
    const answers = batches.map((events) => batch(events));
    return { first: await Promise.race(answers), answers };
  });
  expect(refused.first).toMatchObject({ status: 503, body: { code: 'overloaded' } });
  expect(refused.first.headers.get('retry-after')).toBe('1');
  const statuses = (await Promise.all(refused.answers)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(10);

  for (const events of batches) expect((await batch(events)).status).toBe(200);
  expect(await usedBy(teamId)).toBe(12_001);
});
