import type Stripe from 'stripe';
import { afterEach, expect, test } from 'vitest';
import { monthsAgo, subscribedIn } from '../support/months.js';
import { sharedProduct } from '../support/product.js';
import {
  changePlan,
  customerTeam,
  kindsSince,
  planPeriods,
  planSteps,
  renew,
  type Subscriber,
  sent,
  settled,
  shown,
  subscriber,
} from '../support/stories.js';

const product = sharedProduct({ DUNNING_INTERVALS: '1h,1h' });
afterEach(() => product.control('POST', '/webhooks', { paused: false }));

const read = ({ subscriptionId }: Subscriber) =>
  product.stripe.subscriptions.retrieve(subscriptionId, { expand: ['schedule'] });

test('a smaller plan begins with the next period: shown until then, told of once, nothing paid before', async () => {
  const team = await subscriber(product, 'enterprise');
  const { teamId } = team;
  const { status, body } = await changePlan(product, teamId, 'pro');
  expect([status, body]).toMatchObject([
    200,
    { tier: 'enterprise', cancelAt: null, pendingPlan: { plan: 'pro', at: body.currentPeriodEnd } },
  ]);
  await settled(product, teamId);
  expect(await shown(product, teamId)).toMatchObject({ pendingPlan: body.pendingPlan });
  expect(await changePlan(product, teamId, 'pro')).toMatchObject({ status: 200 });
  expect(await planSteps(product, teamId)).toEqual(['1:schedule', '1:phases']);
  expect(await sent(product, teamId)).toEqual([]);

  const invoice = await product.stripe.invoices.retrieve(await renew(product, team));
  expect(invoice).toMatchObject({ status: 'paid', amount_paid: 29_900_000 });
  await product.until(teamId, (now) => {
    expect(now).toMatchObject({ tier: 'pro', pendingPlan: null });
  });
  await settled(product, teamId);
  expect(await sent(product, teamId)).toEqual(['plan-changed']);
  expect(await planPeriods(product, teamId)).toEqual([
    { plan: 'enterprise', ended: true },
    { plan: 'pro', ended: false },
  ]);
  expect(await kindsSince(product, teamId)).toEqual([
    'plan_change_requested',
    'plan_change_scheduled',
    'tier_changed',
  ]);
});

test('what is to come gives way to the next wish, as often as that changes', async () => {
  const team = await subscriber(product, 'enterprise');
  const { teamId } = team;
  const { body } = await changePlan(product, teamId, 'pro');
  const { currentPeriodEnd: at } = body;
  const wishes = [
    ['enterprise', { cancelAt: null, pendingPlan: null }],
    ['pro', { cancelAt: null, pendingPlan: { plan: 'pro', at } }],
    ['free', { cancelAt: at, pendingPlan: null }],
    ['pro', { cancelAt: null, pendingPlan: { plan: 'pro', at } }],
    ['free', { cancelAt: at, pendingPlan: null }],
    ['enterprise', { cancelAt: null, pendingPlan: null }],
  ] as const;
  for (const [wish, shown] of wishes) {
    const expected = { status: 200, body: { tier: 'enterprise', ...shown } };
    expect(await changePlan(product, teamId, wish)).toMatchObject(expected);
    expect(await changePlan(product, teamId, wish)).toMatchObject(expected);
  }
  expect(await planSteps(product, teamId)).toEqual([
    ...['1:schedule', '1:phases'],
    '2:release',
    ...['3:schedule', '3:phases'],
    ...['4:release', '4:cancel'],
    ...['5:keep', '5:schedule', '5:phases'],
    ...['6:release', '6:cancel'],
    '7:keep',
  ]);
  expect(await read(team)).toMatchObject({ cancel_at: null, schedule: null });
  const invoices = await product.stripe.invoices.list({ subscription: team.subscriptionId });
  expect(invoices.data).toHaveLength(1);
});

test('`free` ends the subscription with its period, and the team is on Free', async () => {
  const team = await subscribedIn(product, monthsAgo(2), 'pro');
  const { body } = await changePlan(product, team.teamId, 'free');
  expect(body).toMatchObject({ tier: 'pro', cancelAt: body.currentPeriodEnd });
  await product.stripe.testHelpers.testClocks.advance(team.clockId, {
    frozen_time: Date.parse(body.cancelAt) / 1000 + 3_600,
  });
  await product.until(team.teamId, (now) => {
    expect(now).toMatchObject({ tier: 'free', subscriptionStatus: 'canceled' });
  });
  expect(await changePlan(product, team.teamId, 'pro')).toMatchObject({
    status: 409,
    body: { code: 'not_subscribed' },
  });
});

test('what a schedule of somebody else plans gives way too, and its cancellation is not forgotten', async () => {
  const team = await subscriber(product, 'enterprise');
  const { stripe } = product;
  const { id } = await stripe.subscriptionSchedules.create({
    from_subscription: team.subscriptionId,
  });
  await stripe.subscriptionSchedules.update(id, { end_behavior: 'cancel' });
  const ends = (await read(team)).cancel_at;
  expect(ends).not.toBeNull();
  const free = await changePlan(product, team.teamId, 'free');
  expect(free.body).toMatchObject({ cancelAt: new Date((ends ?? 0) * 1000).toISOString() });
  const { body } = await changePlan(product, team.teamId, 'pro');
  expect(body).toMatchObject({ cancelAt: null, pendingPlan: { plan: 'pro' } });
  expect((await read(team)).schedule).not.toMatchObject({ id });
});

test('in a trial the smaller plan is what is paid for first', async () => {
  const { teamId, customerId } = await customerTeam(product);
  const { id: subscriptionId } = await product.stripe.subscriptions.create({
    customer: customerId,
    items: [{ price: 'price_sandbox_enterprise' }],
    trial_period_days: 14,
    metadata: { team_id: teamId },
    billing_mode: { type: 'flexible' },
  });
  await product.until(teamId, ({ tier }) => expect(tier).toBe('enterprise'));
  const { body } = await changePlan(product, teamId, 'pro');
  expect(body).toMatchObject({
    subscriptionStatus: 'trialing',
    pendingPlan: { plan: 'pro', at: body.currentPeriodEnd },
  });
  const team = { teamId, customerId, subscriptionId };
  expect((await product.stripe.invoices.retrieve(await renew(product, team))).amount_paid).toBe(
    29_900_000,
  );
  await product.until(teamId, (now) => {
    expect(now).toMatchObject({ tier: 'pro', subscriptionStatus: 'active' });
  });
});

test('what else is sold stays, and so does how it is sold', async () => {
  const { stripe } = product;
  const team = await subscriber(product, 'enterprise');
  const price = await stripe.prices.create({
    currency: 'idr',
    unit_amount: 1_000_000,
    recurring: { interval: 'month' },
    product_data: { name: 'Seats' },
  });
  const metadata = { team_id: team.teamId, sold_by: 'Jane' };
  await stripe.subscriptions.update(team.subscriptionId, {
    items: [{ price: price.id, quantity: 3 }],
    proration_behavior: 'none',
    metadata,
  });
  expect((await changePlan(product, team.teamId, 'pro')).status).toBe(200);
  await renew(product, team);
  const { items, ...subscription } = await read(team);
  const sold = items.data.map((item: Stripe.SubscriptionItem) => [item.price.id, item.quantity]);
  expect(sold.toSorted()).toEqual(
    [
      [price.id, 3],
      ['price_sandbox_pro', 1],
    ].toSorted(),
  );
  expect(subscription.metadata).toEqual(metadata);
});

test('R4: usage above the smaller plan, in a month that had the larger one too, costs nothing', async () => {
  const { teamId } = await subscriber(product);
  expect((await changePlan(product, teamId, 'enterprise')).status).toBe(200);
  const usage = { teamId, idempotencyKey: 'one', tokens: 400_000 };
  const { body } = await product.api('POST', '/api/v1/usage', usage);
  expect(body).toMatchObject({ tokenLimit: 500_000, overageTokens: 0 });
  const down = await changePlan(product, teamId, 'pro');
  expect(down.body).toMatchObject({ tier: 'enterprise', pendingPlan: { plan: 'pro' } });
  const { stripeSubscriptionId: subscriptionId, stripeCustomerId: customerId } = down.body;
  await renew(product, { teamId, customerId, subscriptionId });
  await product.until(teamId, ({ tier }) => expect(tier).toBe('pro'));
  const after = await product.api('GET', `/api/v1/teams/${teamId}/usage`);
  expect(after.body).toMatchObject({
    usedTokens: 400_000,
    tokenLimit: 500_000,
    overageCost: { amount: 0 },
  });
});

test('R37: a change that no webhook tells of is known all the same, and dated by the clock of its subscription', async () => {
  const team = await subscribedIn(product, monthsAgo(1), 'pro');
  await settled(product, team.teamId);
  await product.control('POST', '/webhooks', { paused: true });
  expect((await changePlan(product, team.teamId, 'enterprise')).status).toBe(200);
  const { rows } = await product.pool.query<{ at: Date }>(
    "select starts_at as at from tagih.plan_periods where team_id = $1 and plan = 'enterprise'",
    [team.teamId],
  );
  const { frozen_time } = await product.stripe.testHelpers.testClocks.retrieve(team.clockId);
  expect(rows).toEqual([{ at: new Date(frozen_time * 1000) }]);
});
