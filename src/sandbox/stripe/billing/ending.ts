import type Stripe from 'stripe';
import { type Account, idOf } from '../account.js';
import { NO_REASON } from './cancellation.js';
import { createDraft } from './draft.js';
import { pendingItems, pullIn } from './pending.js';
import { HOUR, periodOf } from './period.js';
import { prorate } from './proration.js';
import { scheduleOf } from './scheduled.js';
import { expirePendingUpdate } from './standing.js';

/** Ends a subscription now. Its open invoices stay owed, but Stripe stops trying them. */
export function endSubscription(
  account: Account,
  subscription: Stripe.Subscription,
  { withPendingItems, prorated = false }: { withPendingItems: boolean; prorated?: boolean },
): void {
  const now = account.now(subscription.test_clock);
  expirePendingUpdate(account, subscription);
  if (prorated) prorate(account, subscription, subscription.items.data, [], now);
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
    cancellation_details: {
      ...NO_REASON,
      ...subscription.cancellation_details,
      reason: subscription.cancellation_details?.reason ?? 'cancellation_requested',
    },
  });
  account.emit('customer.subscription.deleted', subscription);
  endSchedule(account, subscription, now);
}

/** A subscription that ends takes along the schedule that it follows. */
function endSchedule(account: Account, subscription: Stripe.Subscription, now: number): void {
  const schedule = scheduleOf(account, subscription);
  if (schedule?.status !== 'active') return;
  account.set(schedule, { status: 'canceled', canceled_at: now, current_phase: null });
  account.emit('subscription_schedule.canceled', schedule);
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
