import type Stripe from 'stripe';
import { describe, expect, test } from 'vitest';
import { DAY, HOUR, onClock, START } from './support/clock.js';
import { customerWith } from './support/world.js';

describe('test clocks', () => {
  test('a renewal is a draft for an hour, then collected; months keep their last day', async () => {
    const { stripe, subscription, advance, newest } = await onClock();
    const end = subscription.items.data[0]?.current_period_end ?? 0;
    expect(new Date(end * 1000).toISOString()).toBe('2027-02-28T12:00:00.000Z');
    await advance(end);
    expect(await newest()).toMatchObject({
      status: 'draft',
      automatically_finalizes_at: end + HOUR,
    });
    await advance(end + HOUR);
    expect(await newest()).toMatchObject({ status: 'paid', billing_reason: 'subscription_cycle' });
    const renewed = await stripe.subscriptions.retrieve(subscription.id);
    expect(new Date((renewed.items.data[0]?.current_period_end ?? 0) * 1000).toISOString()).toBe(
      '2027-03-31T12:00:00.000Z',
    );
  });

  test.each([
    ['keep_as_draft', { status: 'draft', auto_advance: false }],
    ['void', { status: 'void', attempted: false }],
    ['mark_uncollectible', { status: 'uncollectible', attempted: false }],
  ] as const)(
    'while collection is paused, with %s, nothing is collected',
    async (behavior, left) => {
      const { stripe, subscription, advance, newest } = await onClock();
      const end = subscription.items.data[0]?.current_period_end ?? 0;
      const resumes_at = end + DAY;
      await stripe.subscriptions.update(subscription.id, {
        pause_collection: { behavior, resumes_at },
      });
      await advance(end + 2 * HOUR);
      expect(await newest()).toMatchObject({ billing_reason: 'subscription_cycle', ...left });
      const paused = await stripe.subscriptions.retrieve(subscription.id);
      expect(paused).toMatchObject({ status: 'active', pause_collection: { behavior } });

      await advance(resumes_at);
      const resumed = await stripe.subscriptions.retrieve(subscription.id);
      expect(resumed).toMatchObject({ status: 'active', pause_collection: null });
      expect(await newest()).toMatchObject(left);
      await advance((resumed.items.data[0]?.current_period_end ?? 0) + HOUR);
      expect(await newest()).toMatchObject({ status: 'paid' });
    },
  );

  test('automatic retries after 3, 5 and 7 days, then unpaid', async () => {
    const { stripe, subscription, advance, newest } = await onClock('pm_card_chargeCustomerFail');
    const first = (subscription.items.data[0]?.current_period_end ?? 0) + HOUR;
    const seen: [number, string][] = [];
    for (const at of [first, first + 3 * DAY, first + 8 * DAY, first + 15 * DAY]) {
      await advance(at);
      seen.push([
        (await newest()).attempt_count,
        (await stripe.subscriptions.retrieve(subscription.id)).status,
      ]);
    }
    expect(seen).toEqual([
      [1, 'past_due'],
      [2, 'past_due'],
      [3, 'past_due'],
      [4, 'unpaid'],
    ]);
    expect((await newest()).next_payment_attempt).toBeNull();
  });

  test('after a hard decline attempts are counted and not made', async () => {
    const { stripe, subscription, advance, newest } = await onClock(
      'pm_card_chargeDeclinedLostCard',
    );
    const first = (subscription.items.data[0]?.current_period_end ?? 0) + HOUR;
    await advance(first + 4 * DAY);
    const { id, attempt_count } = await newest();
    expect(attempt_count).toBe(2);
    const intent = (await stripe.invoicePayments.list({ invoice: id })).data[0]?.payment
      .payment_intent as string;
    expect((await stripe.charges.list({ payment_intent: intent })).data).toHaveLength(1);
  });

  test('nothing is retried once auto_advance is off', async () => {
    const { stripe, subscription, advance, newest } = await onClock('pm_card_chargeCustomerFail');
    const first = (subscription.items.data[0]?.current_period_end ?? 0) + HOUR;
    await advance(first);
    const { id } = await newest();
    expect(await stripe.invoices.update(id, { auto_advance: false })).toMatchObject({
      next_payment_attempt: null,
    });
    await advance(first + 20 * DAY);
    expect(await stripe.invoices.retrieve(id)).toMatchObject({ attempt_count: 1, status: 'open' });
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('past_due');
  });

  test('a subscription marked for it ends with its period, billing what was pending', async () => {
    const { stripe, customer, subscription, advance, newest } = await onClock();
    await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
    await stripe.invoiceItems.create({
      customer: customer.id,
      subscription: subscription.id,
      amount: 777,
      currency: 'idr',
    });
    const end = subscription.items.data[0]?.current_period_end ?? 0;
    await advance(end + 2 * HOUR);
    expect(await stripe.subscriptions.retrieve(subscription.id)).toMatchObject({
      status: 'canceled',
      ended_at: end,
    });
    expect(await newest()).toMatchObject({ status: 'paid', total: 777 });
  });

  test('a trial costs nothing until it ends', async () => {
    const { stripe, clock, advance } = await onClock();
    const customer = await customerWith(stripe, 'pm_card_visa', { test_clock: clock.id });
    const { id } = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: 'price_sandbox_pro' }],
      trial_period_days: 7,
    });
    expect((await stripe.subscriptions.retrieve(id)).status).toBe('trialing');
    await advance(START + 7 * DAY + HOUR);
    expect((await stripe.subscriptions.retrieve(id)).status).toBe('active');
    const invoices = await stripe.invoices.list({ subscription: id });
    expect(invoices.data.map((invoice) => invoice.total)).toEqual([29_900_000, 0]);
  });

  test('a first payment that never comes expires the subscription after 23 hours', async () => {
    const { stripe, clock, advance } = await onClock();
    const customer = await customerWith(stripe, 'pm_card_chargeCustomerFail', {
      test_clock: clock.id,
    });
    const { id, latest_invoice } = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: 'price_sandbox_pro' }],
    });
    await advance(START + 23 * HOUR);
    expect((await stripe.subscriptions.retrieve(id)).status).toBe('incomplete_expired');
    expect((await stripe.invoices.retrieve(latest_invoice as string)).status).toBe('void');
  });

  test('events tell the time of the clock that their object lives on', async () => {
    const { stripe, control, customer, subscription, advance } = await onClock();
    const end = subscription.items.data[0]?.current_period_end ?? 0;
    await advance(end + HOUR);
    const card = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
    await stripe.paymentMethods.detach(card.id);
    const [charge] = (await stripe.charges.list({ customer: customer.id })).data;
    const dispute = await control<Stripe.Dispute>('POST', `/charges/${charge?.id}/dispute`);
    expect([card.created, dispute.created]).toEqual([end + HOUR, end + HOUR]);

    const { data } = await stripe.events.list({ created: { gte: end }, limit: 100 });
    const told = new Map(data.map(({ type, created }) => [type, created]));
    expect(told.get('invoice.created')).toBe(end);
    for (const type of [
      'charge.dispute.created',
      'charge.succeeded',
      'invoice.paid',
      'invoice_payment.paid',
      'payment_intent.succeeded',
      'payment_method.attached',
      'payment_method.detached',
    ] as const)
      expect({ type, at: told.get(type) }).toEqual({ type, at: end + HOUR });
  });

  test('a card expires by the clock that its customer lives on', async () => {
    const { stripe, customer, advance } = await onClock();
    const { id } = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
    const renewal = { card: { exp_month: 12, exp_year: 2028 } };
    expect(await stripe.paymentMethods.update(id, renewal)).toMatchObject(renewal);
    await advance(Date.UTC(2029, 0, 1) / 1000);
    await expect(stripe.paymentMethods.update(id, renewal)).rejects.toMatchObject({
      code: 'invalid_expiry_year',
    });
  });

  test('a clock takes its customers with it', async () => {
    const { stripe, clock, customer } = await onClock();
    await stripe.testHelpers.testClocks.del(clock.id);
    expect(await stripe.customers.retrieve(customer.id)).toMatchObject({ deleted: true });
  });
});
