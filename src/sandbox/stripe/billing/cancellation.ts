import type Stripe from 'stripe';
import type { Account } from '../account.js';
import { periodOf } from './period.js';

export const NO_REASON: Stripe.Subscription.CancellationDetails = {
  comment: null,
  feedback: null,
  feedback_option: null,
  reason: null,
};

/** A subscription that is to end, and why it is: somebody asked for it. */
export function endingAt(at: number, now: number, atPeriodEnd = false): Ending {
  return {
    cancel_at: at,
    cancel_at_period_end: atPeriodEnd,
    canceled_at: now,
    cancellation_details: { ...NO_REASON, reason: 'cancellation_requested' },
  };
}

type Ending = Pick<
  Stripe.Subscription,
  'cancel_at' | 'cancel_at_period_end' | 'canceled_at' | 'cancellation_details'
>;

/** A subscription that goes on. */
export const NOT_ENDING: Ending = {
  cancel_at: null,
  cancel_at_period_end: false,
  canceled_at: null,
  cancellation_details: NO_REASON,
};

/** Whether a subscription ends with its period. */
export function endOfPeriod(
  account: Account,
  subscription: Stripe.Subscription,
  ends: boolean,
): Ending {
  return ends
    ? endingAt(periodOf(subscription).end, account.now(subscription.test_clock), true)
    : NOT_ENDING;
}
