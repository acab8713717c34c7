import { afterEach, describe, expect, test } from 'vitest';
import { sharedProduct } from '../support/product.js';
import {
  fixCard,
  kindsSince,
  planPeriods,
  renew,
  type Subscriber,
  sent,
  settled,
  shown,
  subscriber,
} from '../support/stories.js';

const product = sharedProduct({ DUNNING_INTERVALS: '1h,1h' });
afterEach(() => product.control('POST', '/webhooks', { paused: false }));

/** Seconds. */
const DAY = 86_400;

/** The team that has a customer. */
async function named(stripeCustomerId: string): Promise<string> {
  const teamId = `team_${stripeCustomerId.slice(-8)}`;
  await product.api('PUT', `/api/v1/teams/${teamId}`, {
    name: 'Acme',
    adminEmail: `${teamId}@admin.example`,
    stripeCustomerId,
  });
  return teamId;
}

const terms = (teamId: string) => ({
  items: [{ price: 'price_sandbox_pro' }],
  metadata: { team_id: teamId },
  billing_mode: { type: 'flexible' as const },
});

const free = { ai: 'full', overageAllowed: false, dashboard: 'open' };

describe('R22, R29: a first payment that fails', () => {
  /** A customer, on a clock of its own where one is given, whose first payment was declined. */
  async function incomplete(clock?: string): Promise<Subscriber & { invoiceId: string }> {
    const { id: customerId } = await product.stripe.customers.create({
      payment_method: 'pm_card_chargeCustomerFail',
      invoice_settings: { default_payment_method: 'pm_card_chargeCustomerFail' },
      ...(clock !== undefined && { test_clock: clock }),
    });
    const teamId = await named(customerId);
    const { id, latest_invoice } = await product.stripe.subscriptions.create({
      customer: customerId,
      payment_behavior: 'allow_incomplete',
      ...terms(teamId),
    });
    await product.until(teamId, (body) => {
      expect(body).toMatchObject({ tier: 'free', subscriptionStatus: 'incomplete', access: free });
    });
    return { teamId, customerId, subscriptionId: id, invoiceId: String(latest_invoice) };
  }

  test('and is made good is active: its plan holds from its start (R37)', async () => {
    const team = await incomplete();
    await fixCard(product, team);
    await product.stripe.invoices.pay(team.invoiceId);
    await product.until(team.teamId, (body) => {
      expect(body).toMatchObject({ tier: 'pro', subscriptionStatus: 'active', dunning: null });
    });
    await settled(product, team.teamId);
    expect(await planPeriods(product, team.teamId)).toEqual([{ plan: 'pro', ended: false }]);
    expect(await sent(product, team.teamId)).toEqual([]);
  });

  test('and is not made good within 23 hours expires: no ladder, no mail, no plan', async () => {
    const frozen_time = Math.floor(Date.now() / 1000);
    const clock = await product.stripe.testHelpers.testClocks.create({ frozen_time });
    const team = await incomplete(clock.id);
    await product.stripe.testHelpers.testClocks.advance(clock.id, {
      frozen_time: frozen_time + DAY,
    });
    await product.until(team.teamId, (body) => {
      expect(body).toMatchObject({
        tier: 'free',
        subscriptionStatus: 'incomplete_expired',
        dunning: null,
      });
    });
    expect((await settled(product, team.teamId)).ladders).toEqual([]);
    expect(await planPeriods(product, team.teamId)).toEqual([]);
    expect(await sent(product, team.teamId)).toEqual([]);
  });
});

test('R30, R37: while it is paused the team is on Free; resumed, its plan begins anew', async () => {
  const { testHelpers } = product.stripe;
  const frozen_time = Math.floor(Date.now() / 1000) - 10 * DAY;
  const clock = await testHelpers.testClocks.create({ frozen_time });
  const pass = (days: number) =>
    testHelpers.testClocks.advance(clock.id, { frozen_time: frozen_time + days * DAY });
  const { id: customerId } = await product.stripe.customers.create({ test_clock: clock.id });
  const teamId = await named(customerId);
  const { id: subscriptionId } = await product.stripe.subscriptions.create({
    customer: customerId,
    trial_period_days: 2,
    trial_settings: { end_behavior: { missing_payment_method: 'pause' } },
    ...terms(teamId),
  });
  await product.until(teamId, ({ tier }) => expect(tier).toBe('pro'));
  await settled(product, teamId);
  await pass(3);
  await product.until(teamId, (body) => {
    expect(body).toMatchObject({ tier: 'free', subscriptionStatus: 'paused', access: free });
  });
  await settled(product, teamId);
  expect(await planPeriods(product, teamId)).toEqual([{ plan: 'pro', ended: true }]);

  await pass(5);
  await fixCard(product, { customerId });
  await product.stripe.subscriptions.resume(subscriptionId);
  await product.until(teamId, (body) => {
    expect(body).toMatchObject({
      tier: 'pro',
      subscriptionStatus: 'active',
      access: { overageAllowed: true },
    });
  });
  await settled(product, teamId);
  expect(await planPeriods(product, teamId)).toEqual([
    { plan: 'pro', ended: true },
    { plan: 'pro', ended: false },
  ]);
});

describe('R29: a cancellation', () => {
  test("at the period's end is shown and can be taken back; then it comes", async () => {
    const team = await subscriber(product);
    const wish = (cancel_at_period_end: boolean) =>
      product.stripe.subscriptions.update(team.subscriptionId, { cancel_at_period_end });
    await wish(true);
    await product.until(team.teamId, ({ cancelAt, currentPeriodEnd, tier }) => {
      expect(cancelAt).toBe(currentPeriodEnd);
      expect(tier).toBe('pro');
    });
    await wish(false);
    await product.until(team.teamId, ({ cancelAt }) => expect(cancelAt).toBeNull());
    await wish(true);
    await product.until(team.teamId, ({ cancelAt }) => expect(cancelAt).not.toBeNull());
    await product.control('POST', `/subscriptions/${team.subscriptionId}/cancel`);
    await product.until(team.teamId, (body) => {
      expect(body).toMatchObject({ tier: 'free', subscriptionStatus: 'canceled', access: free });
    });
    await settled(product, team.teamId);
    expect(await kindsSince(product, team.teamId)).toEqual([
      'cancellation_scheduled',
      'cancellation_withdrawn',
      'cancellation_scheduled',
      'subscription_changed',
      'tier_changed',
    ]);
    expect(await sent(product, team.teamId)).toEqual([]);
  });

  test('may be followed by another subscription of the same team (R37)', async () => {
    const team = await subscriber(product);
    await product.stripe.subscriptions.cancel(team.subscriptionId);
    await product.until(team.teamId, ({ tier }) => expect(tier).toBe('free'));
    const { id } = await product.stripe.subscriptions.create({
      customer: team.customerId,
      ...terms(team.teamId),
    });
    await product.until(team.teamId, (body) => {
      expect(body).toMatchObject({
        tier: 'pro',
        subscriptionStatus: 'active',
        stripeSubscriptionId: id,
      });
    });
    await settled(product, team.teamId);
    expect(await planPeriods(product, team.teamId)).toEqual([
      { plan: 'pro', ended: true },
      { plan: 'pro', ended: false },
    ]);
    expect(await sent(product, team.teamId)).toEqual([]);
  });

  test('and another subscription that has ended, too, by the time that Tagih hears: both plans are kept (R37)', async () => {
    const team = await subscriber(product);
    await product.control('POST', '/webhooks', { paused: true });
    await product.stripe.subscriptions.cancel(team.subscriptionId);
    const { id } = await product.stripe.subscriptions.create({
      customer: team.customerId,
      ...terms(team.teamId),
    });
    await product.stripe.subscriptions.cancel(id);
    await product.control('POST', '/webhooks', { paused: false });
    await product.until(team.teamId, ({ tier }) => expect(tier).toBe('free'));
    await settled(product, team.teamId);
    expect(await planPeriods(product, team.teamId)).toEqual([
      { plan: 'pro', ended: true },
      { plan: 'pro', ended: true },
    ]);
  });
});

test('a second subscription calls operators until it ends', async () => {
  const team = await subscriber(product);
  const second = await product.stripe.subscriptions.create({
    customer: team.customerId,
    ...terms(team.teamId),
  });
  expect((await settled(product, team.teamId)).attention).toBe('second_subscription');
  await product.stripe.subscriptions.cancel(second.id);
  expect((await settled(product, team.teamId)).attention).toBe('none');
  expect(await shown(product, team.teamId)).toMatchObject({
    tier: 'pro',
    subscriptionStatus: 'active',
    stripeSubscriptionId: team.subscriptionId,
  });
});

describe("R37: what a customer does in Stripe's portal", () => {
  /** The portal of a team, as its customer uses it. */
  async function portalOf({ teamId, subscriptionId }: Subscriber) {
    const { body } = await product.api('POST', `/api/v1/teams/${teamId}/portal`, {});
    return async (action: string, price = '') => {
      const form = new URLSearchParams({ action, price, subscription: subscriptionId });
      expect((await fetch(body.url, { method: 'POST', body: form })).status).toBe(200);
    };
  }

  test("a plan that is to come at the period's end is shown, until it is withdrawn", async () => {
    const team = await subscriber(product, 'enterprise');
    const press = await portalOf(team);
    await press('change-later', 'price_sandbox_pro');
    await product.until(team.teamId, ({ tier, pendingPlan, currentPeriodEnd }) => {
      expect(tier).toBe('enterprise');
      expect(pendingPlan).toEqual({ plan: 'pro', at: currentPeriodEnd });
    });
    await press('keep-plan');
    await product.until(team.teamId, ({ pendingPlan }) => expect(pendingPlan).toBeNull());
    await settled(product, team.teamId);
    expect(await kindsSince(product, team.teamId)).toEqual([
      'plan_change_scheduled',
      'plan_change_withdrawn',
    ]);
    expect(await sent(product, team.teamId)).toEqual([]);
  });

  test("and comes with the period's end, with a mail", async () => {
    const team = await subscriber(product, 'enterprise');
    await (await portalOf(team))('change-later', 'price_sandbox_pro');
    await product.until(team.teamId, ({ pendingPlan }) => expect(pendingPlan).not.toBeNull());
    await renew(product, team);
    await product.until(team.teamId, (body) => {
      expect(body).toMatchObject({ tier: 'pro', pendingPlan: null, subscriptionStatus: 'active' });
    });
    await settled(product, team.teamId);
    expect(await kindsSince(product, team.teamId)).toEqual([
      'plan_change_scheduled',
      'tier_changed',
    ]);
    expect(await sent(product, team.teamId)).toEqual(['plan-changed']);
    expect(await planPeriods(product, team.teamId)).toEqual([
      { plan: 'enterprise', ended: true },
      { plan: 'pro', ended: false },
    ]);
  });

  test('a cancellation takes its place', async () => {
    const team = await subscriber(product, 'enterprise');
    const press = await portalOf(team);
    await press('change-later', 'price_sandbox_pro');
    await product.until(team.teamId, ({ pendingPlan }) => expect(pendingPlan).not.toBeNull());
    await press('cancel');
    await product.until(team.teamId, ({ pendingPlan, cancelAt, currentPeriodEnd }) => {
      expect({ pendingPlan, cancelAt }).toEqual({ pendingPlan: null, cancelAt: currentPeriodEnd });
    });
    await settled(product, team.teamId);
    const told = await kindsSince(product, team.teamId);
    expect(told.toSorted()).toEqual([
      'cancellation_scheduled',
      'plan_change_scheduled',
      'plan_change_withdrawn',
    ]);
  });

  test('another plan at once is held at once, with a mail', async () => {
    const team = await subscriber(product);
    await (await portalOf(team))('change-now', 'price_sandbox_enterprise');
    await product.until(team.teamId, ({ tier }) => expect(tier).toBe('enterprise'));
    await settled(product, team.teamId);
    expect(await sent(product, team.teamId)).toEqual(['plan-changed']);
  });
});
