import type Stripe from 'stripe';
import { describe, expect, test } from 'vitest';
import { DAY, HOUR } from './support/clock.js';
import { ENTERPRISE, followedBy, PRO, scheduled } from './support/scheduled.js';
import { refusal, startWorld, subscribed } from './support/world.js';

describe('a schedule', () => {
  test('is made of a subscription as it is, and found from there and in lists', async () => {
    const { stripe } = await startWorld();
    const { customer, subscription } = await subscribed(stripe);
    const item = subscription.items.data[0];
    const made = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
    const period = { start_date: item?.current_period_start, end_date: item?.current_period_end };
    expect(made).toMatchObject({
      status: 'active',
      end_behavior: 'release',
      subscription: subscription.id,
      customer: customer.id,
      current_phase: period,
      phases: [{ ...period, items: [{ price: PRO, quantity: 1 }] }],
    });
    const { data } = await stripe.subscriptions.list({ expand: ['data.schedule'] });
    expect(data).toMatchObject([{ schedule: { id: made.id, object: 'subscription_schedule' } }]);
    expect((await stripe.subscriptionSchedules.list({ customer: customer.id })).data).toMatchObject(
      [{ id: made.id }],
    );
    expect((await stripe.subscriptionSchedules.list({ scheduled: true })).data).toEqual([]);
  });

  test('is one at a time, of a subscription that lives, and takes nothing else when it is made', async () => {
    const { stripe } = await startWorld();
    const { subscription } = await subscribed(stripe);
    const make = (params: Stripe.SubscriptionScheduleCreateParams) =>
      refusal(stripe.subscriptionSchedules.create(params));
    expect(
      await make({ from_subscription: subscription.id, metadata: { team: 'a' } }),
    ).toMatchObject({ statusCode: 400, param: 'metadata' });
    const { id } = await stripe.subscriptionSchedules.create({
      from_subscription: subscription.id,
    });
    expect(await make({ from_subscription: subscription.id })).toMatchObject({
      statusCode: 400,
      message: expect.stringContaining('already attached to a schedule'),
    });
    await stripe.subscriptions.cancel(subscription.id);
    expect((await stripe.subscriptionSchedules.retrieve(id)).status).toBe('canceled');
    expect(await make({ from_subscription: subscription.id })).toMatchObject({ statusCode: 400 });
    expect(await make({ from_subscription: 'sub_none' })).toMatchObject({
      code: 'resource_missing',
    });
  });

  test('keeps its phases one after the other, and the current one where it began', async () => {
    const { stripe, schedule } = await scheduled();
    const [current, next] = followedBy(schedule, ENTERPRISE);
    const refused = (...phases: (Stripe.SubscriptionScheduleUpdateParams.Phase | undefined)[]) =>
      refusal(
        stripe.subscriptionSchedules.update(schedule.id, {
          phases: phases.filter((phase) => phase !== undefined),
        }),
      );
    const begin = schedule.current_phase?.start_date ?? 0;
    expect((await refused(next)).message).toContain('anchor end dates');
    expect((await refused({ items: [{ price: PRO }], start_date: begin + 1 })).message).toBe(
      'You can not modify the start date of the current phase.',
    );
    expect(
      await refused(current, { items: [{ price: PRO }], start_date: begin + 99 }),
    ).toMatchObject({ param: 'phases[1][start_date]' });
    expect(await refused(current, { items: [{ price: PRO }], end_date: begin + 1 })).toMatchObject({
      param: 'phases[1][end_date]',
    });
    const both = { end_date: begin + 99 * DAY, duration: { interval: 'month' as const } };
    expect((await refused(current, { items: [{ price: PRO }], ...both })).message).toContain(
      'only specify one',
    );
    expect(await refused(current, { items: [{ price: 'price_none' }] })).toMatchObject({
      code: 'resource_missing',
    });
    const iterations = { items: [{ price: PRO }], iterations: 1 };
    expect(await refused(current, iterations)).toMatchObject({
      code: 'parameter_unknown',
      param: 'phases[1][iterations]',
    });
  });
});

describe('who changes a scheduled subscription', () => {
  test('releases its schedule first, and makes another one', async () => {
    const { stripe, schedule, subscription, end, advance, newest, reread } = await scheduled();
    const cancel = { cancel_at_period_end: true };
    expect(await refusal(stripe.subscriptions.update(subscription.id, cancel))).toMatchObject({
      statusCode: 400,
      message: `The subscription is managed by the subscription schedule \`${schedule.id}\`, and updating any cancelation behavior directly is not allowed. Please update the schedule instead.`,
    });
    expect(await stripe.subscriptionSchedules.release(schedule.id)).toMatchObject({
      status: 'released',
    });
    for (const again of ['release', 'cancel', 'update'] as const)
      expect((await refusal(stripe.subscriptionSchedules[again](schedule.id))).message).toContain(
        'currently in the `released` status',
      );
    await stripe.subscriptions.update(subscription.id, cancel);
    const second = await stripe.subscriptionSchedules.create({
      from_subscription: subscription.id,
    });
    expect(second).toMatchObject({ end_behavior: 'cancel', phases: [{ end_date: end }] });
    await stripe.subscriptionSchedules.release(second.id);
    expect(await reread()).toMatchObject({ schedule: null, cancel_at: null });
    await advance(end + HOUR);
    expect(await newest()).toMatchObject({ status: 'paid', total: 29_900_000 });
  });

  test('may keep the date that the schedule set for the end', async () => {
    const { stripe, schedule, end, reread } = await scheduled();
    const [current] = followedBy(schedule, PRO);
    await stripe.subscriptionSchedules.update(schedule.id, {
      phases: current ? [current] : [],
      end_behavior: 'cancel',
    });
    await stripe.subscriptionSchedules.release(schedule.id, { preserve_cancel_date: true });
    expect(await reread()).toMatchObject({ schedule: null, cancel_at: end });
  });

  test('at once: through the schedule or directly, and both then say the same', async () => {
    const { stripe, schedule, subscription, reread } = await scheduled(PRO);
    const [current, next] = followedBy(schedule, PRO);
    if (!current || !next) throw new Error('no phases');
    await stripe.subscriptionSchedules.update(schedule.id, {
      phases: [{ ...current, items: [{ price: ENTERPRISE }] }, next],
      proration_behavior: 'none',
    });
    expect((await reread()).items.data[0]?.price.id).toBe(ENTERPRISE);
    const item = (await reread()).items.data[0]?.id ?? '';
    await stripe.subscriptions.update(subscription.id, {
      items: [{ id: item, price: PRO }],
      proration_behavior: 'none',
    });
    expect(await stripe.subscriptionSchedules.retrieve(schedule.id)).toMatchObject({
      phases: [{ items: [{ price: PRO }] }, { items: [{ price: PRO }] }],
    });
  });

  test('may cancel both at once, with what is unused credited', async () => {
    const { stripe, schedule, advance, end, newest, reread, told } = await scheduled();
    await advance(end - 10 * DAY);
    expect(await stripe.subscriptionSchedules.cancel(schedule.id)).toMatchObject({
      status: 'canceled',
      canceled_at: end - 10 * DAY,
    });
    expect((await reread()).status).toBe('canceled');
    expect((await newest()).total).toBeLessThan(0);
    expect((await told()).at(-1)).toBe('subscription_schedule.canceled');
  });
});
