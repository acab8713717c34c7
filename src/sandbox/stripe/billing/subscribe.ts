import type Stripe from 'stripe';
import { invalid, type StripeFailure } from '../../http/error.js';
import type { Account } from '../account.js';
import { createDraft } from './draft.js';
import { finalize } from './finalization.js';
import { subscriptionLines } from './lines.js';
import { attemptPayment, defaultPaymentMethod } from './payment.js';
import { pendingItems, pullIn } from './pending.js';
import { DAY } from './period.js';
import { buildSubscription, type NewSubscription } from './subscription.js';
import { announceTrialEnd } from './trial.js';

/** A new subscription with its first invoice, collected as `behavior` says. */
export function subscribe(account: Account, wish: NewSubscription): Stripe.Subscription {
  const subscription = account.create(buildSubscription(account, wish));
  const invoice = firstInvoice(account, wish.customer, subscription);
  account.set(subscription, { latest_invoice: invoice.id });
  finalize(account, invoice, wish.behavior !== 'default_incomplete');
  announceTrialEnd(account, subscription);
  const failure = firstPayment(account, subscription, invoice, wish);
  if (failure && (wish.behavior === 'error_if_incomplete' || failure.status === 400))
    throw new NotSubscribed(failure);
  return account.get('subscription', subscription.id);
}

/** Thrown when there must be no subscription after all, so that nothing of the attempt is kept. */
export class NotSubscribed extends Error {
  constructor(readonly failure: StripeFailure) {
    super(failure.message);
  }
}

function firstPayment(
  account: Account,
  subscription: Stripe.Subscription,
  invoice: Stripe.Invoice,
  wish: NewSubscription,
): StripeFailure | null {
  const manual = subscription.collection_method === 'send_invoice';
  if (invoice.amount_due > 0 && (manual || wish.behavior === 'default_incomplete')) return null;
  if (invoice.amount_due > 0 && defaultPaymentMethod(account, invoice) === null)
    return invalid(
      'This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.',
      { code: 'resource_missing' },
    );
  return attemptPayment(account, invoice, {
    automatic: invoice.amount_due > 0,
    confirmed: wish.confirmed ?? false,
  });
}

function firstInvoice(
  account: Account,
  customer: Stripe.Customer,
  subscription: Stripe.Subscription,
): Stripe.Invoice {
  const item = subscription.items.data[0];
  const now = account.now(subscription.test_clock);
  const period = { start: item?.current_period_start ?? now, end: item?.current_period_end ?? now };
  const invoice = createDraft(account, {
    customer,
    subscription,
    reason: 'subscription_create',
    period: { start: now, end: now },
    lines: subscriptionLines(subscription, period, subscription.status === 'trialing'),
    autoAdvance: false,
    finalizesAt: null,
    collectionMethod: subscription.collection_method,
    dueDate: subscription.days_until_due === null ? null : now + subscription.days_until_due * DAY,
  });
  pullIn(account, invoice, pendingItems(account, customer.id, subscription.id));
  return invoice;
}
