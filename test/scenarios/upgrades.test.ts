import type Stripe from 'stripe';
import { describe, expect, test } from 'vitest';
import { close, monthsAgo, recordOf, subscribedIn, track } from '../support/months.js';
import { sharedProduct } from '../support/product.js';
import {
  breakCard,
  changePlan,
  customerTeam,
  fixCard,
  patiently,
  planPeriods,
  planSteps,
  type Subscriber,
  sent,
  settled,
  shown,
  subscriber,
  timeline,
  unpaid,
} from '../support/stories.js';

const product = sharedProduct({ DUNNING_INTERVALS: '1h,1h' });

const upgrade = ({ teamId }: Subscriber) => changePlan(product, teamId, 'enterprise');

const invoicesOf = async ({ subscriptionId: subscription }: Subscriber) =>
  (await product.stripe.invoices.list({ subscription, limit: 100 })).data;

/** The latest invoice of the subscription, which is the one of its upgrade. */
async function upgradeOf(team: Subscriber): Promise<Stripe.Invoice> {
  const [invoice] = await invoicesOf(team);
  if (invoice?.billing_reason !== 'subscription_update') throw new Error('no upgrade');
  return invoice;
}

/** A team whose upgrade to Enterprise its card has declined. */
async function declined(): Promise<Subscriber & { invoice: Stripe.Invoice }> {
  const team = await subscriber(product);
  await breakCard(product, team);
  expect((await upgrade(team)).status).toBe(409);
  return { ...team, invoice: await upgradeOf(team) };
}

test('a larger plan begins at once: what is left of the month is paid, and told of once', async () => {
  const team = await subscriber(product);
  const { status, body } = await upgrade(team);
  expect([status, body]).toMatchObject([
    200,
    { tier: 'enterprise', subscriptionStatus: 'active', pendingPlan: null, cancelAt: null },
  ]);
  const invoice = await upgradeOf(team);
  expect(invoice.status).toBe('paid');
  // Less what some seconds of the month are worth.
  expect(70_000_000 - invoice.amount_paid).toBeLessThan(10_000);
  await settled(product, team.teamId);
  expect(await planPeriods(product, team.teamId)).toEqual([
    { plan: 'pro', ended: true },
    { plan: 'enterprise', ended: false },
  ]);
  expect(await sent(product, team.teamId)).toEqual(['plan-changed']);
  expect((await timeline(product, team.teamId)).slice(2)).toMatchObject([
    {
      kind: 'plan_change_requested',
      actor: 'TAGIH_API_KEY',
      details: { subscriptionId: team.subscriptionId, from: 'pro', to: 'enterprise' },
    },
    { kind: 'tier_changed', details: { from: 'pro', to: 'enterprise' } },
  ]);
  expect(await upgrade(team)).toMatchObject({ status: 200, body: { tier: 'enterprise' } });
  expect(await planSteps(product, team.teamId)).toEqual(['1:upgrade']);
});

describe('an upgrade that is not paid', () => {
  test('leaves the plan, and says where it is paid; asked for again it is not charged again', async () => {
    const { invoice, ...team } = await declined();
    const again = await upgrade(team);
    expect(again).toMatchObject({
      status: 409,
      body: { code: 'payment_required', hostedInvoiceUrl: invoice.hosted_invoice_url },
    });
    expect(again.body.detail).toContain(invoice.hosted_invoice_url);
    expect(await invoicesOf(team)).toHaveLength(2);
    expect((await product.stripe.charges.list({ customer: team.customerId })).data).toHaveLength(2);
    await settled(product, team.teamId);
    expect(await shown(product, team.teamId)).toMatchObject({
      tier: 'pro',
      subscriptionStatus: 'active',
      dunning: null,
      access: { ai: 'full' },
    });
    expect(await sent(product, team.teamId)).toEqual([]);
    expect((await timeline(product, team.teamId)).slice(2).map(({ kind }) => kind)).toEqual([
      'plan_change_requested',
      'plan_change_payment_required',
    ]);

    await fixCard(product, team);
    await product.stripe.invoices.pay(invoice.id);
    await product.until(team.teamId, ({ tier }) => expect(tier).toBe('enterprise'));
    expect(await upgrade(team)).toMatchObject({ status: 200 });
    expect(await planSteps(product, team.teamId)).toEqual(['1:upgrade']);
    await settled(product, team.teamId);
    expect(await sent(product, team.teamId)).toEqual(['plan-changed']);
  });

  test('R27: because the bank asks for a confirmation begins when that is given', async () => {
    const team = await subscriber(product);
    await product.control('POST', `/customers/${team.customerId}/card`, {
      card: 'pm_card_authenticationRequired',
    });
    expect(await upgrade(team)).toMatchObject({ status: 409, body: { code: 'payment_required' } });
    const { id } = await upgradeOf(team);
    await product.control('POST', `/invoices/${id}/confirm`, { succeed: true });
    await product.until(team.teamId, ({ tier }) => expect(tier).toBe('enterprise'));
  });

  test('is undone by the current plan, and by a cancellation', async () => {
    const { invoice, ...team } = await declined();
    const undone = await changePlan(product, team.teamId, 'pro');
    expect(undone).toMatchObject({ status: 200, body: { tier: 'pro', pendingPlan: null } });
    expect((await product.stripe.invoices.retrieve(invoice.id)).status).toBe('void');

    expect((await upgrade(team)).status).toBe(409);
    const second = await upgradeOf(team);
    expect(second.id).not.toBe(invoice.id);
    const { body } = await changePlan(product, team.teamId, 'free');
    expect(body).toMatchObject({ tier: 'pro', cancelAt: body.currentPeriodEnd });
    expect((await product.stripe.invoices.retrieve(second.id)).status).toBe('void');
    expect(await planSteps(product, team.teamId)).toEqual([
      '1:upgrade',
      '2:void',
      '3:upgrade',
      '4:void',
      '4:cancel',
    ]);
  });

  test('expires after 23 hours, and can be asked for anew', async () => {
    const month = monthsAgo(1);
    const team = await subscribedIn(product, month, 'pro');
    await breakCard(product, team);
    expect((await upgrade(team)).status).toBe(409);
    const invoice = await upgradeOf(team);
    const { frozen_time } = await product.stripe.testHelpers.testClocks.retrieve(team.clockId);
    await product.stripe.testHelpers.testClocks.advance(team.clockId, {
      frozen_time: frozen_time + 23 * 3_600,
    });
    await settled(product, team.teamId);
    expect(await shown(product, team.teamId)).toMatchObject({ tier: 'pro', dunning: null });
    await fixCard(product, team);
    expect(await upgrade(team)).toMatchObject({ status: 200, body: { tier: 'enterprise' } });
    expect((await product.stripe.invoices.retrieve(invoice.id)).status).toBe('void');
  });

  test('does not take back a cancellation before it is paid', async () => {
    const team = await subscriber(product);
    const { body } = await changePlan(product, team.teamId, 'free');
    await breakCard(product, team);
    expect((await upgrade(team)).status).toBe(409);
    await settled(product, team.teamId);
    expect(await shown(product, team.teamId)).toMatchObject({
      tier: 'pro',
      cancelAt: body.cancelAt,
    });
    await fixCard(product, team);
    await product.stripe.invoices.pay((await upgradeOf(team)).id);
    await product.until(team.teamId, (now) => {
      expect(now).toMatchObject({ tier: 'enterprise', cancelAt: null });
    });
  });

  test('R34: gives back the usage that its invoice took along, when it is undone', async () => {
    const month = monthsAgo(2);
    const team = await subscribedIn(product, month, 'pro');
    await track(product, month, team.teamId, 2_050_000);
    await close(product, month);
    const before = await recordOf(product, month, team.teamId);
    await breakCard(product, team);
    expect((await upgrade(team)).status).toBe(409);
    const { stripeInvoiceItemId } = before;
    const item = await product.stripe.invoiceItems.retrieve(stripeInvoiceItemId);
    expect(item.invoice).toBe((await upgradeOf(team)).id);
    expect((await changePlan(product, team.teamId, 'pro')).status).toBe(200);
    await expect
      .poll(() => recordOf(product, month, team.teamId), patiently)
      .not.toMatchObject({ stripeInvoiceItemId });
    await settled(product, team.teamId);
    expect(await recordOf(product, month, team.teamId)).toMatchObject({
      status: 'pending',
      amountDue: before.amountDue,
    });
  });
});

test('R34: usage that its invoice takes along is billed with it', async () => {
  const month = monthsAgo(3);
  const team = await subscribedIn(product, month, 'pro');
  await track(product, month, team.teamId, 2_050_000);
  await close(product, month);
  expect(await upgrade(team)).toMatchObject({ status: 200, body: { tier: 'enterprise' } });
  const { id } = await upgradeOf(team);
  await expect
    .poll(() => recordOf(product, month, team.teamId), patiently)
    .toMatchObject({ status: 'billed', stripeInvoiceId: id });
});

test('in a trial nothing is charged, and the trial goes on', async () => {
  const { teamId, customerId } = await customerTeam(product);
  const { id } = await product.stripe.subscriptions.create({
    customer: customerId,
    items: [{ price: 'price_sandbox_pro' }],
    trial_period_days: 14,
    billing_mode: { type: 'flexible' },
  });
  await product.until(teamId, ({ tier }) => expect(tier).toBe('pro'));
  const { status, body } = await changePlan(product, teamId, 'enterprise');
  expect([status, body]).toMatchObject([
    200,
    { tier: 'enterprise', subscriptionStatus: 'trialing', stripeSubscriptionId: id },
  ]);
  expect((await product.stripe.charges.list({ customer: customerId })).data).toEqual([]);
});

test('R22: during a ladder its invoice has no ladder, and the old one goes on until it is paid', async () => {
  const team = await unpaid(product);
  expect((await upgrade(team)).status).toBe(409);
  const { id } = await upgradeOf(team);
  await settled(product, team.teamId);
  const { tier, dunning } = await shown(product, team.teamId);
  expect([tier, dunning.strike]).toEqual(['pro', 1]);
  expect(dunning.invoices.map(({ invoiceId }: { invoiceId: string }) => invoiceId)).toEqual([
    team.invoiceId,
  ]);
  await fixCard(product, team);
  await product.until(team.teamId, (now) => expect(now.dunning).toBeNull());
  await product.stripe.invoices.pay(id);
  await product.until(team.teamId, (now) => {
    expect(now).toMatchObject({ tier: 'enterprise', subscriptionStatus: 'active', dunning: null });
  });
});
