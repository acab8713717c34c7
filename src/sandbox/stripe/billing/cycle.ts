import type Stripe from 'stripe';
import { type Account, idOf } from '../account.js';
import { createDraft } from './draft.js';
import { close, finalize } from './finalization.js';
import { subscriptionLines } from './lines.js';
import { attemptPayment } from './payment.js';
import { pendingItems, pullIn } from './pending.js';
import { HOUR, type Period, periodEnd, periodOf } from './period.js';
import { applyPendingUpdate, expire } from './standing.js';

/** Does, in order of time, everything that is due on a test clock (null: the wall clock) until `until`. */
export function runDue(
  account: Account,
  clock: Stripe.TestHelpers.TestClock | null,
  until: number,
): void {
  for (;;) {
    const due = account.store.nextDue(clock?.id ?? null, until);
    if (!due) break;
    if (clock && due.at > clock.frozen_time) account.set(clock, { frozen_time: due.at });
    const object = account.store.lookUp(due.id);
    if (object?.object === 'subscription') advanceSubscription(account, object, due.at);
    else if (object?.object === 'invoice') advanceInvoice(account, object);
  }
}

function advanceInvoice(account: Account, invoice: Stripe.Invoice): void {
  if (invoice.status === 'draft') collect(account, invoice);
  else attemptPayment(account, invoice, { automatic: true });
}

function advanceSubscription(
  account: Account,
  subscription: Stripe.Subscription,
  at: number,
): void {
  if (subscription.status === 'incomplete') expire(account, subscription);
  else if (subscription.pending_update && subscription.pending_update.expires_at <= at) {
    applyPendingUpdate(account, subscription, false);
    const invoice = account.store.find('invoice', idOf(subscription.latest_invoice ?? ''));
    if (invoice?.status === 'open') close(account, invoice, 'void');
  } else if (subscription.cancel_at !== null && subscription.cancel_at <= at) {
    endSubscription(account, subscription, { withPendingItems: true });
  } else renew(account, subscription, periodOf(subscription).end);
}

/**
 * Starts the next period at `start` and drafts its invoice with what was waiting for it; Stripe finalises
 * it an hour later. A subscription that is unpaid gets drafts that nobody collects.
 */
export function renew(
  account: Account,
  subscription: Stripe.Subscription,
  start: number,
): Stripe.Invoice {
  const recurring = subscription.items.data[0]?.price.recurring;
  if (!recurring) throw new Error(`Subscription ${subscription.id} has no recurring price.`);
  const previous = periodOf(subscription);
  const period = { start, end: periodEnd(subscription.billing_cycle_anchor, start, recurring) };
  const customer = account.get('customer', idOf(subscription.customer));
  const collected = subscription.status !== 'unpaid';
  const invoice = createDraft(account, {
    customer,
    subscription,
    reason: 'subscription_cycle',
    period: { start: previous.start, end: start },
    lines: subscriptionLines(subscription, period),
    autoAdvance: collected,
    finalizesAt: account.now(subscription.test_clock) + HOUR,
    collectionMethod: subscription.collection_method,
  });
  pullIn(account, invoice, pendingItems(account, customer.id, subscription.id));
  setPeriod(account, subscription, period, {
    latest_invoice: invoice.id,
    ...(subscription.status === 'trialing' ? { status: 'active' } : {}),
  });
  return invoice;
}

/** Finalises a draft and makes Stripe's first attempt on it. */
export function collect(account: Account, invoice: Stripe.Invoice): void {
  finalize(account, invoice, true);
  if (invoice.collection_method === 'charge_automatically' || invoice.amount_due === 0)
    attemptPayment(account, invoice, { automatic: invoice.amount_due > 0 });
}

function setPeriod(
  account: Account,
  subscription: Stripe.Subscription,
  period: Period,
  changes: Partial<Stripe.Subscription> = {},
): void {
  const data = subscription.items.data.map((item) => ({
    ...item,
    current_period_start: period.start,
    current_period_end: period.end,
  }));
  account.update(subscription, { ...changes, items: { ...subscription.items, data } });
}

/** Ends a subscription now. Its open invoices stay owed, but Stripe stops trying them. */
export function endSubscription(
  account: Account,
  subscription: Stripe.Subscription,
  { withPendingItems }: { withPendingItems: boolean },
): void {
  const now = account.now(subscription.test_clock);
  const ofSubscription = { 'parent.subscription_details.subscription': subscription.id };
  for (const invoice of account.store.all('invoice', {
    ...ofSubscription,
    status: { in: ['draft', 'open'] },
  }))
    account.update(invoice, {
      auto_advance: false,
      automatically_finalizes_at: null,
      next_payment_attempt: null,
    });
  if (withPendingItems) billPendingItems(account, subscription, now);
  account.set(subscription, {
    status: 'canceled',
    canceled_at: subscription.canceled_at ?? now,
    ended_at: now,
    cancellation_details: subscription.cancellation_details ?? {
      comment: null,
      feedback: null,
      feedback_option: null,
      reason: 'cancellation_requested',
    },
  });
  account.emit('customer.subscription.deleted', subscription);
}

function billPendingItems(account: Account, subscription: Stripe.Subscription, now: number): void {
  const items = pendingItems(account, idOf(subscription.customer), subscription.id);
  if (items.length === 0) return;
  const invoice = createDraft(account, {
    customer: account.get('customer', idOf(subscription.customer)),
    subscription,
    reason: 'subscription_cycle',
    period: { start: periodOf(subscription).start, end: now },
    lines: [],
    autoAdvance: true,
    finalizesAt: now + HOUR,
  });
  pullIn(account, invoice, items);
  account.update(subscription, { latest_invoice: invoice.id });
}

/** Ends the current period now, as if it had run out, and collects the new one's invoice at once. */
export function renewNow(account: Account, subscription: Stripe.Subscription): Stripe.Invoice {
  const now = account.now(subscription.test_clock);
  // A second renewal in the same second would leave a period without length, and no next anchor.
  const start = Math.max(now, periodOf(subscription).start + 1);
  account.set(subscription, {
    billing_cycle_anchor: start,
    ...(subscription.trial_end ? { trial_end: start } : {}),
  });
  const invoice = renew(account, subscription, start);
  if (invoice.auto_advance) collect(account, invoice);
  return invoice;
}
