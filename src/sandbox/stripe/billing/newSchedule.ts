import type Stripe from 'stripe';
import { invalid } from '../../http/error.js';
import { type Account, idOf, newId } from '../account.js';
import { phaseOf } from './phases.js';

/** Puts a subscription as it is under a schedule, which has one phase so far. */
export function attachSchedule(
  account: Account,
  subscription: Stripe.Subscription,
): Stripe.SubscriptionSchedule {
  if (subscription.status === 'canceled' || subscription.status === 'incomplete_expired')
    throw invalid(
      `You cannot migrate a subscription that is in the \`${subscription.status}\` status.`,
      { param: 'from_subscription' },
    );
  if (subscription.schedule !== null)
    throw invalid(
      `You cannot migrate a subscription that is already attached to a schedule: \`${idOf(subscription.schedule)}\`.`,
      { param: 'from_subscription' },
    );
  const schedule = account.create(scheduleFrom(account, subscription));
  account.update(subscription, { schedule: schedule.id });
  return schedule;
}

function scheduleFrom(
  account: Account,
  subscription: Stripe.Subscription,
): Stripe.SubscriptionSchedule {
  const phase = phaseOf(subscription);
  return {
    id: newId('sub_sched'),
    object: 'subscription_schedule',
    application: null,
    billing_mode: subscription.billing_mode,
    canceled_at: null,
    completed_at: null,
    created: account.now(subscription.test_clock),
    current_phase: { start_date: phase.start_date, end_date: phase.end_date },
    customer: subscription.customer,
    customer_account: null,
    default_settings: {
      application_fee_percent: null,
      billing_cycle_anchor: 'automatic',
      billing_thresholds: null,
      collection_method: subscription.collection_method,
      default_payment_method: subscription.default_payment_method,
      description: null,
      invoice_settings: {
        account_tax_ids: null,
        custom_fields: null,
        days_until_due: subscription.days_until_due,
        description: null,
        footer: null,
        issuer: { type: 'self' },
      },
      on_behalf_of: null,
      transfer_data: null,
    },
    end_behavior: subscription.cancel_at === null ? 'release' : 'cancel',
    livemode: false,
    metadata: {},
    pause_schedules: [],
    phases: [phase],
    released_at: null,
    released_subscription: null,
    status: 'active',
    subscription: subscription.id,
    test_clock: subscription.test_clock,
  };
}
