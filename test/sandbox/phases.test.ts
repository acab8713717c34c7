import type Stripe from 'stripe';
import { describe, expect, test } from 'vitest';
import { DAY, HOUR, START } from './support/clock.js';
import { ENTERPRISE, followedBy, PRO, scheduled } from './support/scheduled.js';
import { refusal } from './support/world.js';

describe('the end of a phase', () => {
  test('renews at the new price, without prorations, and lets go after the last phase', async () => {
    const { stripe, schedule, subscription, end, advance, newest, reread, told } =
      await scheduled();
    expect(schedule.phases[1]).toMatchObject({ start_date: end });
    await advance(end - 1);
    expect((await reread()).items.data[0]?.price.id).toBe(PRO);
    await advance(end + HOUR);
    expect(await newest()).toMatchObject({
      status: 'paid',
      billing_reason: 'subscription_cycle',
      total: 99_900_000,
    });
    expect(await reread()).toMatchObject({
      items: { data: [{ price: { id: ENTERPRISE } }] },
      schedule: { current_phase: { start_date: end, end_date: schedule.phases[1]?.end_date } },
    });
    await advance((schedule.phases[1]?.end_date ?? 0) + HOUR);
    expect(await reread()).toMatchObject({ status: 'active', schedule: null, cancel_at: null });
    expect(await newest()).toMatchObject({ status: 'paid', total: 99_900_000 });
    expect(await stripe.subscriptionSchedules.retrieve(schedule.id)).toMatchObject({
      status: 'released',
      subscription: null,
      released_subscription: subscription.id,
      current_phase: null,
    });
    expect(await told()).toEqual([
      'subscription_schedule.created',
      'subscription_schedule.updated',
      'subscription_schedule.updated',
      'subscription_schedule.released',
    ]);
  });

  test('comes even when the card declines, and the renewal is owed at the new price', async () => {
    const { end, advance, newest, reread } = await scheduled(
      ENTERPRISE,
      'pm_card_chargeCustomerFail',
    );
    await advance(end + HOUR);
    expect(await newest()).toMatchObject({ status: 'open', amount_due: 99_900_000 });
    expect(await reread()).toMatchObject({
      status: 'past_due',
      items: { data: [{ price: { id: ENTERPRISE } }] },
    });
  });

  test('in the middle of a period prorates as the phase says', async () => {
    const { stripe, customer, schedule, end, advance, reread } = await scheduled();
    const [current, next] = followedBy(schedule, ENTERPRISE, { start_date: end - 10 * DAY });
    if (!current || !next) throw new Error('no phases');
    await stripe.subscriptionSchedules.update(schedule.id, {
      phases: [
        { ...current, end_date: end - 10 * DAY },
        { ...next, end_date: end },
      ],
    });
    await advance(end - 9 * DAY);
    const { data } = await stripe.invoiceItems.list({ customer: customer.id, pending: true });
    expect(data.map(({ amount }) => Math.sign(amount)).sort()).toEqual([-1, 1]);
    expect((await reread()).items.data[0]?.price.id).toBe(ENTERPRISE);
  });

  test('that falls on the expiry of a pending update begins no period', async () => {
    const { stripe, control, customer, schedule, subscription, end, advance, reread } =
      await scheduled();
    const [current, next] = followedBy(schedule, ENTERPRISE, { proration_behavior: 'none' });
    if (!current || !next) throw new Error('no phases');
    await stripe.subscriptionSchedules.update(schedule.id, {
      phases: [{ ...current, end_date: START + 23 * HOUR }, next],
    });
    await control('POST', `/customers/${customer.id}/card`, { card: 'pm_card_chargeCustomerFail' });
    await stripe.subscriptions.update(subscription.id, {
      items: [{ id: subscription.items.data[0]?.id ?? '', price: ENTERPRISE }],
      payment_behavior: 'pending_if_incomplete',
      proration_behavior: 'always_invoice',
    });
    await advance(START + DAY);
    expect(await reread()).toMatchObject({
      pending_update: null,
      items: { data: [{ price: { id: ENTERPRISE }, current_period_end: end }] },
    });
  });

  test('ends the subscription where the schedule says so', async () => {
    const { stripe, schedule, subscription, end, advance, reread } = await scheduled();
    const [current] = followedBy(schedule, PRO);
    await stripe.subscriptionSchedules.update(schedule.id, {
      phases: current ? [current] : [],
      end_behavior: 'cancel',
    });
    expect(await reread()).toMatchObject({ status: 'active', cancel_at: end });
    expect(
      await refusal(stripe.invoices.createPreview({ subscription: subscription.id })),
    ).toMatchObject({ code: 'invoice_upcoming_none' });
    await advance(end + HOUR);
    expect(await reread()).toMatchObject({ status: 'canceled', ended_at: end });
    expect((await stripe.subscriptionSchedules.retrieve(schedule.id)).status).toBe('completed');
  });

  test('comes with a renewal that is asked for now', async () => {
    const { stripe, control, schedule, subscription, reread } = await scheduled();
    const { id } = await control<Stripe.Invoice>('POST', `/subscriptions/${subscription.id}/renew`);
    expect(await stripe.invoices.retrieve(id)).toMatchObject({ status: 'paid', total: 99_900_000 });
    expect(await reread()).toMatchObject({
      items: { data: [{ price: { id: ENTERPRISE } }] },
      schedule: { id: schedule.id, status: 'active' },
    });
  });

  test('shows in the preview of the next invoice', async () => {
    const { stripe, subscription, reread } = await scheduled();
    const preview = await stripe.invoices.createPreview({ subscription: subscription.id });
    expect(preview.total).toBe(99_900_000);
    expect((await reread()).items.data[0]?.price.id).toBe(PRO);
  });
});
