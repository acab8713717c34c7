import type Stripe from 'stripe';
import { type Account, idOf, mergeMetadata } from '../account.js';
import { endOfPeriod } from './cancellation.js';
import { close, subscriptionOf } from './finalization.js';
import { setItems } from './scheduled.js';

/** A subscription's status after an attempt on one of its invoices has failed. */
export function afterFailure(account: Account, invoice: Stripe.Invoice): void {
  const subscription = subscriptionOf(account, invoice);
  if (!subscription || isOfPendingUpdate(subscription, invoice)) return;
  const { status } = subscription;
  if (status !== 'active' && status !== 'trialing' && status !== 'past_due') return;
  const givenUp = invoice.auto_advance && invoice.next_payment_attempt === null;
  account.update(subscription, { status: givenUp ? 'unpaid' : 'past_due' });
}

/** A subscription's status after one of its invoices was paid, voided or written off. */
export function afterSettlement(account: Account, invoice: Stripe.Invoice): void {
  const subscription = subscriptionOf(account, invoice);
  if (!subscription) return;
  const { pending_update: update } = subscription;
  if (update && isOfPendingUpdate(subscription, invoice)) {
    if (invoice.status !== 'paid') return expirePendingUpdate(account, subscription);
    account.update(subscription, { pending_update: null });
    applyUpdate(account, subscription, update);
    account.emit('customer.subscription.pending_update_applied', subscription);
  }
  switch (subscription.status) {
    case 'incomplete':
      if (invoice.status === 'paid') account.update(subscription, { status: 'active' });
      else if (invoice.status === 'void') expire(account, subscription);
      return;
    case 'past_due':
    case 'unpaid':
      if (!owes(account, subscription)) account.update(subscription, { status: 'active' });
      return;
    default:
  }
}

/** Whether it is the invoice that an update waits for: unpaid it changes nothing. */
function isOfPendingUpdate(subscription: Stripe.Subscription, { id }: Stripe.Invoice): boolean {
  return subscription.pending_update !== null && idOf(subscription.latest_invoice ?? '') === id;
}

/** The first payment never came: void its invoice, and that was it. */
export function expire(account: Account, subscription: Stripe.Subscription): void {
  account.update(subscription, {
    status: 'incomplete_expired',
    ended_at: account.now(subscription.test_clock),
  });
  for (const invoice of account.store.all('invoice', {
    'parent.subscription_details.subscription': subscription.id,
    status: 'open',
  }))
    close(account, invoice, 'void');
}

/** The parts of a pending update that the sandbox knows. */
export type Update = Pick<
  Stripe.Subscription.PendingUpdate,
  'cancel_at_period_end' | 'metadata' | 'subscription_items'
>;

export function applyUpdate(
  account: Account,
  subscription: Stripe.Subscription,
  { cancel_at_period_end: ends, metadata, subscription_items: items }: Update,
): void {
  account.update(subscription, {
    metadata: mergeMetadata(subscription.metadata, metadata ?? {}),
    ...(ends === null ? {} : endOfPeriod(account, subscription, ends)),
  });
  if (items) setItems(account, subscription, items);
}

/** Discards what an unpaid invoice would have changed, and the invoice. */
export function expirePendingUpdate(account: Account, subscription: Stripe.Subscription): void {
  if (subscription.pending_update === null) return;
  account.update(subscription, { pending_update: null });
  account.emit('customer.subscription.pending_update_expired', subscription);
  const invoice = account.store.find('invoice', idOf(subscription.latest_invoice ?? ''));
  if (invoice?.status === 'open') close(account, invoice, 'void');
}

/** The newest invoice that counts decides: an older unpaid one does not keep a subscription past due. */
function owes(account: Account, subscription: Stripe.Subscription): boolean {
  const latest = account.store
    .all('invoice', {
      'parent.subscription_details.subscription': subscription.id,
      status: { in: ['open', 'paid'] },
    })
    .find((invoice) => !isOfPendingUpdate(subscription, invoice));
  return latest?.status === 'open' && latest.attempted;
}
