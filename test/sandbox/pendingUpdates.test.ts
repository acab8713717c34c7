import type Stripe from 'stripe';
import { describe, expect, test } from 'vitest';
import { DAY, HOUR, onClock, START } from './support/clock.js';
import { ENTERPRISE } from './support/scheduled.js';
import { refusal, startWorld, subscribed } from './support/world.js';

const PENDING = {
  payment_behavior: 'pending_if_incomplete',
  proration_behavior: 'always_invoice',
} satisfies Stripe.SubscriptionUpdateParams;

/** A subscription whose upgrade is not paid. */
async function upgrading(more: Stripe.SubscriptionUpdateParams = {}, after = 0) {
  const world = await onClock('pm_card_chargeCustomerFail');
  const { stripe, control, customer, subscription, advance } = world;
  if (after > 0) await advance(START + after);
  const item = subscription.items.data[0]?.id ?? '';
  const upgrade = (params: Stripe.SubscriptionUpdateParams = {}) =>
    stripe.subscriptions.update(subscription.id, {
      items: [{ id: item, price: ENTERPRISE }],
      ...PENDING,
      ...params,
    });
  const updated = await upgrade(more);
  const read = () => stripe.subscriptions.retrieve(subscription.id);
  const pay = async () => {
    await control('POST', `/customers/${customer.id}/card`, { card: 'pm_card_visa' });
    await stripe.invoices.pay(String(updated.latest_invoice));
  };
  const told = async (type: string) => (await stripe.events.list({ type })).data.length;
  return { ...world, item, updated, upgrade, read, pay, told, end: endOf(subscription) };
}

function endOf(subscription: Stripe.Subscription): number {
  return subscription.items.data[0]?.current_period_end ?? 0;
}

describe('an update that waits for its payment', () => {
  test('expires after 23 hours, and its invoice with it', async () => {
    const { stripe, updated, advance, read, told } = await upgrading();
    expect(updated.pending_update?.expires_at).toBe(START + 23 * HOUR);
    await advance(START + 23 * HOUR);
    expect(await read()).toMatchObject({
      pending_update: null,
      items: { data: [{ price: { id: 'price_sandbox_pro' } }] },
    });
    expect((await stripe.invoices.retrieve(String(updated.latest_invoice))).status).toBe('void');
    expect(await told('customer.subscription.pending_update_expired')).toBe(1);
  });

  test("waits no longer than the period's end", async () => {
    const { updated, end, advance, read } = await upgrading({}, 27 * DAY + 20 * HOUR);
    expect(updated.pending_update?.expires_at).toBe(end);
    await advance(end + HOUR);
    expect(await read()).toMatchObject({
      pending_update: null,
      items: { data: [{ price: { id: 'price_sandbox_pro' } }] },
    });
  });

  test('brings what was asked for together with it, once it is paid', async () => {
    const { updated, end, pay, read, told } = await upgrading({
      metadata: { seats: '5' },
      cancel_at_period_end: true,
    });
    expect(updated).toMatchObject({
      metadata: { team_id: 'team-1' },
      cancel_at: null,
      pending_update: { metadata: { seats: '5' }, cancel_at_period_end: true },
    });
    await pay();
    expect(await read()).toMatchObject({
      pending_update: null,
      metadata: { team_id: 'team-1', seats: '5' },
      cancel_at: end,
      items: { data: [{ price: { id: ENTERPRISE } }] },
    });
    expect(await told('customer.subscription.pending_update_applied')).toBe(1);
  });

  test('gives way to another wish about the end', async () => {
    const { stripe, subscription, updated, read } = await upgrading({
      cancel_at_period_end: false,
    });
    await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: false });
    expect((await read()).pending_update).not.toBeNull();
    await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
    expect(await read()).toMatchObject({ pending_update: null, cancel_at_period_end: true });
    expect((await stripe.invoices.retrieve(String(updated.latest_invoice))).status).toBe('void');
  });

  test('takes nothing that can not wait', async () => {
    const { upgrade } = await upgrading();
    expect(await refusal(upgrade({ description: 'Bigger' }))).toMatchObject({
      statusCode: 400,
      param: 'description',
      message: expect.stringContaining('you can only pass supported params'),
    });
  });

  test('gives way to the next one, and to the end of the subscription', async () => {
    const { stripe, subscription, updated, upgrade, told } = await upgrading();
    const again = await upgrade();
    expect(again.latest_invoice).not.toBe(updated.latest_invoice);
    await stripe.subscriptions.cancel(subscription.id);
    for (const invoice of [updated.latest_invoice, again.latest_invoice])
      expect((await stripe.invoices.retrieve(String(invoice))).status).toBe('void');
    expect(await told('customer.subscription.pending_update_expired')).toBe(2);
  });

  test('of a trial has nothing to wait for', async () => {
    const { stripe, customer, read } = await upgrading();
    const trial = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: 'price_sandbox_pro' }],
      trial_period_days: 7,
    });
    const pending = await stripe.invoiceItems.create({
      customer: customer.id,
      subscription: trial.id,
      amount: 500,
      currency: 'idr',
    });
    const changed = await stripe.subscriptions.update(trial.id, {
      items: [{ id: trial.items.data[0]?.id ?? '', price: ENTERPRISE }],
      ...PENDING,
    });
    expect(changed).toMatchObject({
      status: 'trialing',
      pending_update: null,
      items: { data: [{ price: { id: ENTERPRISE } }] },
    });
    expect((await stripe.invoiceItems.retrieve(pending.id)).invoice).toBeNull();
    expect((await read()).pending_update).not.toBeNull();
  });
});

test('an update that waits keeps no subscription past due', async () => {
  const { stripe, control } = await startWorld();
  const { customer, subscription } = await subscribed(stripe);
  const card = (name: string) => control('POST', `/customers/${customer.id}/card`, { card: name });
  const read = () => stripe.subscriptions.retrieve(subscription.id);
  await card('pm_card_chargeCustomerFail');
  const { id } = await control<{ id: string }>('POST', `/subscriptions/${subscription.id}/renew`);
  const item = subscription.items.data[0]?.id ?? '';
  const items = [{ id: item, price: ENTERPRISE }];
  const updated = await stripe.subscriptions.update(subscription.id, { items, ...PENDING });
  expect(updated).toMatchObject({ status: 'past_due', pending_update: expect.anything() });
  await card('pm_card_visa');
  await stripe.invoices.pay(id);
  expect(await read()).toMatchObject({ status: 'active', pending_update: expect.anything() });
  await stripe.invoices.pay(String(updated.latest_invoice));
  expect(await read()).toMatchObject({ status: 'active', pending_update: null });
});

test('one that is paid makes it active, though an older invoice is open', async () => {
  const { stripe, control } = await startWorld();
  const { customer, subscription } = await subscribed(stripe);
  const card = (name: string) => control('POST', `/customers/${customer.id}/card`, { card: name });
  await card('pm_card_chargeCustomerFail');
  await control('POST', `/subscriptions/${subscription.id}/renew`);
  await card('pm_card_visa');
  const item = subscription.items.data[0]?.id ?? '';
  const items = [{ id: item, price: ENTERPRISE }];
  await stripe.subscriptions.update(subscription.id, { items, ...PENDING });
  expect(await stripe.subscriptions.retrieve(subscription.id)).toMatchObject({
    status: 'active',
    pending_update: null,
  });
});
