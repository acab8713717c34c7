import type Stripe from 'stripe';
import { type Account, idOf } from '../account.js';
import { NOT_ENDING } from './cancellation.js';
import { replaceItems } from './changeItems.js';
import { endSubscription } from './ending.js';
import { periodOf } from './period.js';
import { scheduledPhase, scheduleOf } from './scheduled.js';
import { subscriptionItem } from './subscription.js';

/** Ends the phase of a subscription's schedule that is over at `at`, if one is. */
export function passPhase(account: Account, subscription: Stripe.Subscription, at: number): void {
  const schedule = scheduleOf(account, subscription);
  if (schedule?.current_phase && schedule.current_phase.end_date <= at) endPhase(account, schedule);
}

/** The current phase is over: the next one begins, or the schedule lets go of its subscription, or ends it. */
export function endPhase(account: Account, schedule: Stripe.SubscriptionSchedule): void {
  const subscription = account.get('subscription', idOf(schedule.subscription ?? ''));
  const next = scheduledPhase(schedule);
  if (next) enter(account, schedule, subscription, next);
  else if (schedule.end_behavior === 'cancel') {
    account.set(schedule, {
      status: 'completed',
      completed_at: account.now(schedule.test_clock),
      current_phase: null,
    });
    account.emit('subscription_schedule.completed', schedule);
    endSubscription(account, subscription, { withPendingItems: true });
  } else release(account, schedule);
}

/** The subscription sells what the phase says; without prorations where its own period ends too. */
function enter(
  account: Account,
  schedule: Stripe.SubscriptionSchedule,
  subscription: Stripe.Subscription,
  phase: Stripe.SubscriptionSchedule.Phase,
): void {
  const { start_date, end_date } = phase;
  account.update(schedule, { current_phase: { start_date, end_date } });
  replaceItems(account, subscription, itemsOf(account, subscription, phase), {
    proration: prorationAt(subscription, phase),
    prorationDate: start_date,
    behavior: 'allow_incomplete',
    together: { metadata: phase.metadata },
  });
}

function prorationAt(
  subscription: Stripe.Subscription,
  { start_date, proration_behavior }: Stripe.SubscriptionSchedule.Phase,
): 'create_prorations' | 'always_invoice' | 'none' {
  if (start_date >= periodOf(subscription).end) return 'none';
  const others = ['always_invoice', 'none'] as const;
  return others.find((other) => other === proration_behavior) ?? 'create_prorations';
}

/** A phase's items as those of its subscription; one whose price stays goes on. */
export function itemsOf(
  account: Account,
  subscription: Stripe.Subscription,
  phase: Stripe.SubscriptionSchedule.Phase,
): Stripe.SubscriptionItem[] {
  const now = account.now(subscription.test_clock);
  return phase.items.map(({ price, quantity, metadata }) => {
    const kept = subscription.items.data.find((item) => item.price.id === idOf(price));
    return kept
      ? { ...kept, quantity: quantity ?? 1 }
      : subscriptionItem(
          subscription.id,
          account.get('price', idOf(price)),
          periodOf(subscription),
          now,
          { quantity, metadata: metadata ?? {} },
        );
  });
}

/** Lets go of the subscription, which stays as it is; a cancellation that the schedule meant goes with it. */
export function release(
  account: Account,
  schedule: Stripe.SubscriptionSchedule,
  { keepCancellation = false } = {},
): void {
  const subscription = account.get('subscription', idOf(schedule.subscription ?? ''));
  account.set(schedule, {
    status: 'released',
    released_at: account.now(schedule.test_clock),
    released_subscription: subscription.id,
    subscription: null,
    current_phase: null,
  });
  account.update(subscription, {
    schedule: null,
    ...(keepCancellation ? {} : NOT_ENDING),
  });
  account.emit('subscription_schedule.released', schedule);
}
