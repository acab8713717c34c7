import type Stripe from 'stripe';
import type { TrialNotice } from '../../objects.js';
import { HOUR, periodOf } from './period.js';

/** A subscription whose first invoice stays unpaid expires after 23 hours. */
export const INCOMPLETE_LIFE = 23 * HOUR;

/** The second at which an object next changes by itself, or null. */
export function nextDue(
  object: Stripe.Subscription | Stripe.SubscriptionSchedule | Stripe.Invoice | TrialNotice,
): number | null {
  switch (object.object) {
    case 'invoice':
      return nextOfInvoice(object);
    case 'subscription':
      return nextOfSubscription(object);
    case 'subscription_schedule':
      return object.current_phase?.end_date ?? null;
    case 'trial_notice':
      return object.at;
  }
}

function nextOfInvoice(invoice: Stripe.Invoice): number | null {
  if (!invoice.auto_advance) return null;
  if (invoice.status === 'draft') return invoice.automatically_finalizes_at;
  return invoice.status === 'open' ? invoice.next_payment_attempt : null;
}

function nextOfSubscription(subscription: Stripe.Subscription): number | null {
  if (subscription.status === 'canceled' || subscription.status === 'incomplete_expired')
    return null;
  if (subscription.status === 'incomplete') return subscription.created + INCOMPLETE_LIFE;
  if (subscription.status === 'paused') return subscription.cancel_at;
  const moments = [
    periodOf(subscription).end,
    subscription.cancel_at,
    subscription.pending_update?.expires_at,
    subscription.pause_collection?.resumes_at,
  ];
  return Math.min(...moments.filter((moment) => typeof moment === 'number'));
}
