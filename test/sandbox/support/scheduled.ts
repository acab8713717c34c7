import type Stripe from 'stripe';
import { onClock } from './clock.js';

export const PRO = 'price_sandbox_pro';
export const ENTERPRISE = 'price_sandbox_enterprise';

/** The phases of a schedule made of a subscription, with another plan from the period's end on. */
export function followedBy(
  schedule: Stripe.SubscriptionSchedule,
  price: string,
  more: Partial<Stripe.SubscriptionScheduleUpdateParams.Phase> = {},
): Stripe.SubscriptionScheduleUpdateParams.Phase[] {
  return [
    {
      items: [{ price: String(schedule.phases[0]?.items[0]?.price), quantity: 1 }],
      start_date: schedule.current_phase?.start_date ?? 0,
      end_date: schedule.current_phase?.end_date ?? 0,
    },
    { items: [{ price, quantity: 1 }], ...more },
  ];
}

/** A subscription on a clock, and what is scheduled for its period's end. */
export async function scheduled(price = ENTERPRISE, card = 'pm_card_visa') {
  const world = await onClock(card);
  const { stripe, subscription } = world;
  const { id } = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
  const fresh = await stripe.subscriptionSchedules.retrieve(id);
  const schedule = await stripe.subscriptionSchedules.update(id, {
    phases: followedBy(fresh, price),
  });
  const end = subscription.items.data[0]?.current_period_end ?? 0;
  const reread = () => stripe.subscriptions.retrieve(subscription.id, { expand: ['schedule'] });
  const told = async () =>
    (await stripe.events.list({ limit: 100 })).data
      .map(({ type }) => type)
      .filter((type) => type.startsWith('subscription_schedule'))
      .reverse();
  return { ...world, schedule, end, reread, told };
}
