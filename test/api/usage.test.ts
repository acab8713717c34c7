import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { transaction } from '../../src/db/pool.js';
import { seal } from '../../src/db/seals.js';
import { periodAt, previousPeriod } from '../../src/domain/period.js';
import { sharedProduct } from '../support/product.js';
import { freeTeam, subscriber } from '../support/stories.js';

const ZONE = 'Asia/Jakarta';
const open = periodAt(new Date(), ZONE);
const last = previousPeriod(open, ZONE);
const beforeLast = previousPeriod(last, ZONE);

const product = sharedProduct();

const record = (teamId: string, tokens: number, more: object = {}) =>
  product.api('POST', '/api/v1/usage', { teamId, idempotencyKey: randomUUID(), tokens, ...more });

const usageOf = async (teamId: string, period = open.id) =>
  (await product.api('GET', `/api/v1/teams/${teamId}/usage?period=${period}`)).body;

/** Rupiah as the API shows them: `Intl` puts a no-break space after «Rp». */
const rupiah = (amount: number, digits: string) => ({
  amount,
  currency: 'idr',
  display: `Rp\u00a0${digits}`,
});

test('an event is answered with the totals of its period and what the team may do', async () => {
  const teamId = await freeTeam(product);
  const { status, body } = await record(teamId, 300);
  expect(status).toBe(200);
  expect(body).toEqual({
    result: 'recorded',
    billedIn: open.id,
    period: open.id,
    usedTokens: 300,
    tokenLimit: 500,
    remainingTokens: 200,
    overageTokens: 0,
    overageCost: rupiah(0, '0'),
    resetsAt: open.end.toISOString(),
    access: {
      allowed: true,
      overageAllowed: false,
      ai: 'full',
      dashboard: 'open',
      reason: 'ok',
      remainingTokens: 200,
      resetsAt: open.end.toISOString(),
      fix: null,
    },
  });
});

test('what was answered is on disk (R10)', async () => {
  const teamId = await freeTeam(product);
  const idempotencyKey = randomUUID();
  await record(teamId, 7, { idempotencyKey, metadata: { model: 'large' } });
  const { rows } = await product.pool.query(
    `select tokens::int, period, metadata from tagih.usage_events
      where team_id = $1 and idempotency_key = $2`,
    [teamId, idempotencyKey],
  );
  expect(rows).toEqual([{ tokens: 7, period: open.id, metadata: { model: 'large' } }]);
});

test('Free pays nothing beyond its limit, and is refused more (R3)', async () => {
  const teamId = await freeTeam(product);
  const { body } = await record(teamId, 1_500);
  expect(body).toMatchObject({ usedTokens: 1_500, remainingTokens: 0, overageTokens: 0 });
  expect(body.overageCost).toEqual(rupiah(0, '0'));
  expect(body.access).toMatchObject({
    allowed: false,
    ai: 'exhausted',
    reason: 'free_limit_reached',
    fix: 'upgrade',
  });
});

test('overage costs Rp 10 per 1,000 tokens, exact to the minor unit (R1, R2, R3)', async () => {
  const [pro, enterprise] = await Promise.all([
    subscriber(product),
    subscriber(product, 'enterprise'),
  ]);
  const atTheLimit = await record(pro.teamId, 50_000);
  expect(atTheLimit.body).toMatchObject({ remainingTokens: 0, overageCost: rupiah(0, '0') });
  const oneMore = await record(pro.teamId, 1);
  expect(oneMore.body).toMatchObject({
    tokenLimit: 50_000,
    overageTokens: 1,
    overageCost: rupiah(1, '0,01'),
    access: { allowed: true, overageAllowed: true, reason: 'ok' },
  });
  const aMillion = await record(pro.teamId, 999_999);
  expect(aMillion.body.overageCost).toEqual(rupiah(1_000_000, '10.000'));

  const most = await record(enterprise.teamId, 1_000_000_000);
  expect(most.body).toMatchObject({
    tokenLimit: 500_000,
    overageTokens: 999_500_000,
    overageCost: rupiah(999_500_000, '9.995.000'),
  });
});

test('a repeated event counts once, in whatever spelling of its time, and says so (R9)', async () => {
  const teamId = await freeTeam(product);
  const idempotencyKey = 'größe/№ 1 🚀';
  const metadata = { model: 'large', 'trace.id': 'a-b_c' };
  const said = { idempotencyKey, metadata, occurredAt: last.start.toISOString() };
  const first = await record(teamId, 40, said);
  expect(first.body).toMatchObject({ result: 'recorded', usedTokens: 40 });

  const again = await record(teamId, 40, {
    ...said,
    metadata: { 'trace.id': 'a-b_c', model: 'large' },
    occurredAt: `${last.id}-01T00:00:00.000+07:00`,
  });
  expect(again.status).toBe(200);
  expect(again.body).toEqual({ ...first.body, result: 'duplicate' });
});

test('50 deliveries at once over as many connections count once (R9)', async () => {
  const teamId = await freeTeam(product);
  const idempotencyKey = randomUUID();
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => record(teamId, 10, { idempotencyKey })),
  );
  const results = answers.map(({ body }) => body.result).toSorted();
  expect(results).toEqual([...Array(49).fill('duplicate'), 'recorded']);
  expect(answers.map(({ body }) => body.usedTokens)).toEqual(Array(50).fill(10));
});

test('events at once add up, and each answer holds a total that was true (R10)', async () => {
  const teamId = await freeTeam(product);
  const answers = await Promise.all(Array.from({ length: 50 }, () => record(teamId, 3)));
  const totals = answers.map(({ body }) => body.usedTokens).toSorted((a, b) => a - b);
  expect(totals).toEqual(Array.from({ length: 50 }, (_, index) => 3 * (index + 1)));
  expect((await usageOf(teamId)).usedTokens).toBe(150);
});

test('the same key of another team is another event', async () => {
  const [one, other] = [await freeTeam(product), await freeTeam(product)];
  await record(one, 1, { idempotencyKey: 'shared' });
  const { body } = await record(other, 2, { idempotencyKey: 'shared' });
  expect(body).toMatchObject({ result: 'recorded', usedTokens: 2 });
});

test.each([
  ['tokens', { tokens: 6 }],
  ['metadata', { metadata: { model: 'small' } }],
  ['occurredAt', { occurredAt: last.start.toISOString() }],
])('a key with other %s is a conflict, and the first stands (R9)', async (_, different) => {
  const teamId = await freeTeam(product);
  const first = { idempotencyKey: 'k-1', metadata: { model: 'large' } };
  await record(teamId, 5, first);
  const { status, body } = await record(teamId, 5, { ...first, ...different });
  expect({ status, code: body.code }).toEqual({ status: 409, code: 'idempotency_conflict' });
  expect((await usageOf(teamId)).usedTokens).toBe(5);
  expect((await usageOf(teamId, last.id)).usedTokens).toBe(0);
});

test('an event belongs to the period that it occurred in, to the instant (R6)', async () => {
  const teamId = await freeTeam(product);
  const lastInstant = new Date(open.start.getTime() - 1).toISOString();
  const before = await record(teamId, 1, { occurredAt: lastInstant });
  const first = await record(teamId, 2, { occurredAt: open.start.toISOString() });
  expect(before.body).toMatchObject({ period: last.id, usedTokens: 1 });
  expect(before.body.resetsAt).toBe(last.end.toISOString());
  expect(first.body).toMatchObject({ period: open.id, usedTokens: 2 });
});

test('a late event is billed in its own period until that is sealed (R12, R38)', async () => {
  const teamId = await freeTeam(product);
  const occurredAt = beforeLast.start.toISOString();
  const inTime = await record(teamId, 30, { occurredAt });
  expect(inTime.body).toMatchObject({ period: beforeLast.id, billedIn: beforeLast.id });

  await transaction(product.pool, (db) => seal(db, beforeLast.id, new Date()));
  const late = { idempotencyKey: 'late', occurredAt };
  const afterIt = await record(teamId, 12, late);
  expect(afterIt.body).toMatchObject({
    result: 'recorded',
    period: beforeLast.id,
    usedTokens: 42,
    billedIn: open.id,
  });
  const again = await record(teamId, 12, late);
  expect(again.body).toEqual({ ...afterIt.body, result: 'duplicate' });
  expect((await usageOf(teamId, beforeLast.id)).usedTokens).toBe(42);
  expect((await usageOf(teamId)).usedTokens).toBe(0);
});

test('a period is sealed after the commits that began before it, so billedIn never lies (R38)', async () => {
  const teamId = await freeTeam(product);
  const period = previousPeriod(beforeLast, ZONE);
  const occurredAt = period.start.toISOString();
  const events = Array.from({ length: 20 }, () => record(teamId, 1, { occurredAt }));
  const sealing = transaction(product.pool, async (db) => {
    await seal(db, period.id, new Date());
    const { rows } = await db.query(
      `select coalesce(sum(tokens), 0)::int as tokens from tagih.usage_events
        where team_id = $1 and billed_in = $2`,
      [teamId, period.id],
    );
    return rows[0].tokens;
  });
  const billedInTime = (await Promise.all(events)).filter(
    ({ body }) => body.billedIn === period.id,
  );
  expect(billedInTime).toHaveLength(await sealing);
});

test('the days of a period are those of the billing time zone (R6)', async () => {
  const teamId = await freeTeam(product);
  const at = (time: string) => ({ occurredAt: `${last.id}-${time}` });
  await record(teamId, 1, at('10T16:59:59.999Z'));
  await record(teamId, 20, at('10T17:00:00Z'));
  await record(teamId, 300, at('11T12:00:00+07:00'));
  const usage = await usageOf(teamId, last.id);
  expect(usage).toEqual({
    period: last.id,
    usedTokens: 321,
    tokenLimit: 500,
    remainingTokens: 179,
    overageTokens: 0,
    overageCost: rupiah(0, '0'),
    resetsAt: last.end.toISOString(),
    days: [
      { day: `${last.id}-10`, tokens: 1 },
      { day: `${last.id}-11`, tokens: 320 },
    ],
  });
  expect((await product.api('GET', `/api/v1/teams/${teamId}/usage`)).body).toMatchObject({
    period: open.id,
    usedTokens: 0,
    days: [],
  });
});

test('a subscription that ends leaves the period its limit, and allows no overage (R4, R30)', async () => {
  const team = await subscriber(product);
  await record(team.teamId, 10_000);
  await product.stripe.subscriptions.cancel(team.subscriptionId);
  await product.until(team.teamId, ({ tier, subscriptionStatus }) =>
    expect({ tier, subscriptionStatus }).toEqual({ tier: 'free', subscriptionStatus: 'canceled' }),
  );
  const { body } = await record(team.teamId, 60_000);
  expect(body).toMatchObject({
    tokenLimit: 50_000,
    overageTokens: 20_000,
    overageCost: rupiah(20_000, '200'),
    access: { allowed: false, overageAllowed: false, reason: 'free_limit_reached' },
  });
});
