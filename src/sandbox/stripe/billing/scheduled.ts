import type Stripe from 'stripe';
import { type Account, idOf } from '../account.js';

/** The schedule that a subscription follows. */
export function scheduleOf(
  account: Account,
  subscription: Stripe.Subscription,
): Stripe.SubscriptionSchedule | undefined {
  return subscription.schedule === null
    ? undefined
    : account.get('subscription_schedule', idOf(subscription.schedule));
}

/** The phase that comes after the current one. */
export function scheduledPhase(
  schedule: Stripe.SubscriptionSchedule,
): Stripe.SubscriptionSchedule.Phase | undefined {
  return schedule.phases.find(({ start_date }) => start_date === schedule.current_phase?.end_date);
}

export function phaseItem(item: {
  price: string | { id: string };
  quantity?: number | undefined;
  metadata?: Stripe.Metadata | undefined;
}): Stripe.SubscriptionSchedule.Phase.Item {
  const price = idOf(item.price);
  return {
    billing_thresholds: null,
    discounts: [],
    metadata: item.metadata ?? {},
    plan: price,
    price,
    quantity: item.quantity ?? 1,
    tax_rates: [],
  };
}

/** Sets what a subscription sells; the current phase of the schedule that it follows then says the same. */
export function setItems(
  account: Account,
  subscription: Stripe.Subscription,
  data: Stripe.SubscriptionItem[],
): void {
  account.update(subscription, { items: { ...subscription.items, data } });
  const schedule = scheduleOf(account, subscription);
  if (schedule)
    account.update(schedule, {
      phases: schedule.phases.map((phase) =>
        phase.start_date === schedule.current_phase?.start_date
          ? { ...phase, items: data.map(phaseItem) }
          : phase,
      ),
    });
}
