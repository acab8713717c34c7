import type Stripe from 'stripe';
import { describe, expect, test } from 'vitest';
import { DAY, HOUR, onClock, START } from './support/clock.js';
import { PRO } from './support/scheduled.js';
import { customerWith, refusal } from './support/world.js';

async function onTrial(
  days: number,
  params: Partial<Stripe.SubscriptionCreateParams> & { card?: string | null } = {},
) {
  const world = await onClock();
  const { stripe, clock } = world;
  const { card = 'pm_card_visa', ...rest } = params;
  const customer =
    card === null
      ? await stripe.customers.create({ test_clock: clock.id })
      : await customerWith(stripe, card, { test_clock: clock.id });
  const { id } = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: PRO }],
    trial_period_days: days,
    ...rest,
  });
  const told = async (type: string) =>
    (await stripe.events.list({ type, limit: 100 })).data
      .filter(({ data }) => (data.object as { id?: string }).id === id)
      .map(({ created }) => created)
      .reverse();
  return {
    ...world,
    customer,
    id,
    told,
    read: () => stripe.subscriptions.retrieve(id),
    endings: () => told('customer.subscription.trial_will_end'),
  };
}

describe('the end of a trial', () => {
  test('is told of three days before, once, and then the trial is paid for', async () => {
    const { advance, endings, read } = await onTrial(7);
    await advance(START + 4 * DAY - 1);
    expect(await endings()).toEqual([]);
    await advance(START + 7 * DAY);
    expect(await endings()).toEqual([START + 4 * DAY]);
    expect((await read()).status).toBe('active');
  });

  test('is told of at once when it is nearer than that', async () => {
    const { advance, endings } = await onTrial(2);
    expect(await endings()).toEqual([START]);
    await advance(START + 2 * DAY + HOUR);
    expect(await endings()).toHaveLength(1);
  });

  test('moves, and is told of again in its new time', async () => {
    const { stripe, id, advance, endings, read } = await onTrial(7);
    await advance(START + 5 * DAY);
    const moved = await stripe.subscriptions.update(id, { trial_end: START + 20 * DAY });
    expect(moved).toMatchObject({
      status: 'trialing',
      trial_end: START + 20 * DAY,
      items: { data: [{ current_period_end: START + 20 * DAY }] },
    });
    await advance(START + 19 * DAY);
    expect(await endings()).toEqual([START + 4 * DAY, START + 17 * DAY]);
    expect((await read()).status).toBe('trialing');
    await advance(START + 20 * DAY + HOUR);
    expect((await read()).status).toBe('active');
    expect(
      await refusal(stripe.subscriptions.update(id, { trial_end: START + 40 * DAY })),
    ).toMatchObject({ statusCode: 400, param: 'trial_end' });
  });

  test('comes at once when it is asked for, and is told of then', async () => {
    const { stripe, id, endings } = await onTrial(7);
    const ended = await stripe.subscriptions.update(id, { trial_end: 'now' });
    expect(ended).toMatchObject({ status: 'active', trial_end: START + 1 });
    expect(await endings()).toEqual([START]);
  });

  test('of one that was cancelled meanwhile is not told of', async () => {
    const { stripe, id, advance, endings } = await onTrial(7);
    await stripe.subscriptions.cancel(id);
    await advance(START + 8 * DAY);
    expect(await endings()).toEqual([]);
  });

  test('with a card that declines leaves the subscription past due', async () => {
    const { advance, read } = await onTrial(7, { card: 'pm_card_chargeCustomerFail' });
    await advance(START + 7 * DAY + HOUR);
    expect((await read()).status).toBe('past_due');
  });

  test('brings the plan that was scheduled for it', async () => {
    const { stripe, id, advance, read } = await onTrial(7);
    const schedule = await stripe.subscriptionSchedules.create({ from_subscription: id });
    const trialEnd = START + 7 * DAY;
    expect(schedule.phases).toMatchObject([{ trial_end: trialEnd, end_date: trialEnd }]);
    await stripe.subscriptionSchedules.update(schedule.id, {
      phases: [
        { items: [{ price: PRO }], start_date: START, end_date: trialEnd, trial_end: trialEnd },
        { items: [{ price: 'price_sandbox_enterprise' }] },
      ],
    });
    expect((await read()).status).toBe('trialing');
    await advance(trialEnd + HOUR);
    expect(await read()).toMatchObject({
      status: 'active',
      items: { data: [{ price: { id: 'price_sandbox_enterprise' } }] },
    });
    const [invoice] = (await stripe.invoices.list({ subscription: id })).data;
    expect(invoice).toMatchObject({ status: 'paid', total: 99_900_000 });
  });
});

describe('a trial that ends without a card', () => {
  const settled = (missing_payment_method: 'pause' | 'cancel') =>
    onTrial(7, { card: null, trial_settings: { end_behavior: { missing_payment_method } } });

  test('pauses the subscription where that was asked for, and bills nothing', async () => {
    const { stripe, id, advance, read, told } = await settled('pause');
    await advance(START + 60 * DAY);
    expect((await read()).status).toBe('paused');
    expect(await told('customer.subscription.paused')).toEqual([START + 7 * DAY]);
    expect((await stripe.invoices.list({ subscription: id })).data).toHaveLength(1);
  });

  test('cancels it where that was asked for', async () => {
    const { advance, read } = await settled('cancel');
    await advance(START + 7 * DAY);
    expect(await read()).toMatchObject({ status: 'canceled', ended_at: START + 7 * DAY });
  });

  test('else owes what it can not pay', async () => {
    const { advance, read } = await onTrial(7, { card: null });
    await advance(START + 7 * DAY + HOUR);
    expect((await read()).status).toBe('past_due');
  });

  test('is resumed with a card, in a period that begins then', async () => {
    const { stripe, customer, id, advance, read, told } = await settled('pause');
    expect(await refusal(stripe.subscriptions.resume(id))).toMatchObject({ statusCode: 400 });
    await advance(START + 10 * DAY);
    expect(await refusal(stripe.subscriptions.resume(id))).toMatchObject({
      code: 'resource_missing',
    });
    expect((await read()).status).toBe('paused');

    const card = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
    await stripe.subscriptions.update(id, { default_payment_method: card.id });
    const resumed = await stripe.subscriptions.resume(id, {
      billing_cycle_anchor: { type: 'now' },
    });
    expect(resumed).toMatchObject({
      status: 'active',
      trial_end: START + 7 * DAY,
      items: { data: [{ current_period_start: START + 10 * DAY }] },
    });
    expect(await stripe.invoices.retrieve(String(resumed.latest_invoice))).toMatchObject({
      status: 'paid',
      total: 29_900_000,
    });
    expect(await told('customer.subscription.resumed')).toEqual([START + 10 * DAY]);
    await advance(START + 45 * DAY);
    expect((await stripe.invoices.list({ subscription: id })).data).toHaveLength(3);
  });

  test('is resumed past due by a card that declines', async () => {
    const { stripe, customer, control, id, advance } = await settled('pause');
    await advance(START + 10 * DAY);
    await control('POST', `/customers/${customer.id}/card`, { card: 'pm_card_chargeCustomerFail' });
    expect((await stripe.subscriptions.resume(id)).status).toBe('past_due');
  });
});
