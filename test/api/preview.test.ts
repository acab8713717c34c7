import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { periodAt } from '../../src/domain/period.js';
import { BillingService } from '../../src/services/billingService.js';
import { CloseService } from '../../src/services/closeService.js';
import { UsageRecorder } from '../../src/services/usageRecorder.js';
import { close, monthsAgo, recordOf, subscribedIn, track } from '../support/months.js';
import { type Answer, sharedProduct } from '../support/product.js';
import { freeTeam, subscriber } from '../support/stories.js';

const product = sharedProduct();

const preview = (teamId: string, query = '') =>
  product.api('GET', `/api/v1/teams/${teamId}/invoice-preview${query}`);

const trackNow = (teamId: string, tokens: number) =>
  product.api('POST', '/api/v1/usage', { teamId, idempotencyKey: randomUUID(), tokens });

const linesOf = async (teamId: string): Promise<Answer['body'][]> =>
  (await preview(teamId)).body.lines;

const zone = () => product.settings.BILLING_TIME_ZONE;

test('the open period costs its plan and what was used above it (R2)', async () => {
  const { teamId } = await subscriber(product);
  await trackNow(teamId, 62_345);
  const period = periodAt(new Date(), zone()).id;
  const { status, body } = await preview(teamId);
  expect(status).toBe(200);
  expect(body).toEqual({
    period,
    plan: 'pro',
    lines: [
      {
        kind: 'base',
        period,
        tokens: 0,
        amount: { amount: 29_900_000, currency: 'idr', display: 'Rp\u00a0299.000' },
      },
      {
        kind: 'overage',
        period,
        tokens: 12_345,
        amount: { amount: 12_345, currency: 'idr', display: 'Rp\u00a0123,45' },
      },
    ],
    total: { amount: 29_912_345, currency: 'idr', display: 'Rp\u00a0299.123,45' },
  });
});

test('Free costs nothing, whatever was used (R3)', async () => {
  const teamId = await freeTeam(product);
  await trackNow(teamId, 9_000);
  const { body } = await preview(teamId);
  expect(body).toMatchObject({ plan: 'free', lines: [], total: { amount: 0 } });
});

test('a team that left its plan is shown the overage of it alone (R4)', async () => {
  const { teamId, subscriptionId } = await subscriber(product);
  await trackNow(teamId, 50_300);
  await product.stripe.subscriptions.cancel(subscriptionId);
  await product.until(teamId, ({ tier }) => expect(tier).toBe('free'));
  const { body } = await preview(teamId);
  expect(body).toMatchObject({ plan: 'pro', lines: [{ kind: 'overage' }], total: { amount: 300 } });
});

test('unknown parameters are refused, and unknown teams', async () => {
  const teamId = await freeTeam(product);
  for (const query of ['?tokens=5', '?plan=pro']) {
    expect(await preview(teamId, query)).toMatchObject({ status: 400 });
  }
  expect(await preview('nobody')).toMatchObject({ status: 404, body: { code: 'unknown_team' } });
});

/** A team that left Pro with 700 tokens above it: too little for an invoice of its own (R34). */
async function leftPro(month: ReturnType<typeof monthsAgo>): Promise<string> {
  const { teamId, subscriptionId } = await subscribedIn(product, month, 'pro');
  await track(product, month, teamId, 50_700);
  await product.stripe.subscriptions.cancel(subscriptionId);
  await product.until(teamId, ({ tier }) => expect(tier).toBe('free'));
  return teamId;
}

test('a month costs what its preview said in its last moment (R2, R33)', async () => {
  const month = monthsAgo(1);
  const { teamId: pro } = await subscribedIn(product, month, 'pro');
  await track(product, month, pro, 62_345);
  const { teamId: idle } = await subscribedIn(product, month, 'enterprise');
  const teams = [pro, idle, await leftPro(month)];
  const billing = new BillingService(
    product.pool,
    zone(),
    new UsageRecorder(product.pool, zone(), []),
    13,
  );
  const lastMoment = new Date(month.end.getTime() - 1);
  const previews = await Promise.all(teams.map((id) => billing.invoicePreview(id, lastMoment)));

  await close(product, month);
  for (const [index, teamId] of teams.entries()) {
    const { plan, lines, amountDue } = await recordOf(product, month, teamId);
    const metered = previews[index]?.lines.filter(({ kind }) => kind !== 'base') ?? [];
    expect(previews[index]?.plan).toBe(plan);
    expect(metered).toEqual(
      lines.map((line: Answer['body']) => ({ ...line, amount: line.amount.amount })),
    );
    expect(metered.reduce((sum, { amount }) => sum + amount, 0)).toBe(amountDue.amount);
  }
  expect(previews.map(({ total }) => total)).toEqual([29_912_345, 99_900_000, 700]);
});

test('what came after the close, and what was carried forward, is on the open bill (R12, R34)', async () => {
  const month = monthsAgo(2);
  const { teamId: late } = await subscribedIn(product, month, 'pro');
  await track(product, month, late, 62_345);
  const carried = await leftPro(month);
  await close(product, month);
  await track(product, month, late, 500);
  expect(await linesOf(late)).toMatchObject([
    { kind: 'base' },
    { kind: 'late', period: month.id, tokens: 500, amount: { amount: 500 } },
  ]);
  expect(await linesOf(carried)).toMatchObject([
    { kind: 'carried', period: month.id, tokens: 0, amount: { amount: 700 } },
  ]);
});

test('a month that is being closed is not taken for late (R12)', async () => {
  const month = monthsAgo(3);
  const { teamId } = await subscribedIn(product, month, 'pro');
  await track(product, month, teamId, 62_345);
  const closes = new CloseService(product.pool, zone(), product.settings.CLOSE_GRACE);
  await closes.begin(month.id, new Date());
  await closes.seal(month.id, new Date());
  expect(await linesOf(teamId)).toMatchObject([{ kind: 'base' }]);
});
