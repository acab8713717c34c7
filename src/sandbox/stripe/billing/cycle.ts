import type Stripe from 'stripe';
import { type Account, idOf } from '../account.js';
import { createDraft } from './draft.js';
import { endSubscription } from './ending.js';
import { close, finalize } from './finalization.js';
import { subscriptionLines } from './lines.js';
import { attemptPayment } from './payment.js';
import { pendingItems, pullIn } from './pending.js';
import { HOUR, type Period, periodEnd, periodOf } from './period.js';
import { endPhase, passPhase } from './schedule.js';
import { scheduleOf } from './scheduled.js';
import { expire, expirePendingUpdate } from './standing.js';
import { stopsWithTrial, tellTrialEnd } from './trial.js';

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
    else if (object?.object === 'subscription_schedule') endPhase(account, object);
    else if (object?.object === 'trial_notice') tellTrialEnd(account, object);
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
  // Of what falls on one second the phase comes first: its renewal is at the new price.
  passPhase(account, subscription, at);
  account.set(subscription, {});
  if (subscription.status === 'canceled') return;
  if ((subscription.pause_collection?.resumes_at ?? at + 1) <= at)
    account.update(subscription, { pause_collection: null });
  if (subscription.status === 'incomplete') expire(account, subscription);
  else if (subscription.pending_update && subscription.pending_update.expires_at <= at)
    expirePendingUpdate(account, subscription);
  else if (subscription.cancel_at !== null && subscription.cancel_at <= at) {
    endSubscription(account, subscription, { withPendingItems: true });
  } else {
    // What was due may be over with its phase, long before the period is.
    const { end } = periodOf(subscription);
    if (end <= at && !stopsWithTrial(account, subscription)) renew(account, subscription, end);
  }
}

/**
 * Starts the next period at `start` and drafts its invoice with what was waiting for it; Stripe finalises
 * it an hour later. A subscription that is unpaid gets drafts that nobody collects, and so may one whose
 * collection is paused; or its invoices are closed at once.
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
  const pause = subscription.pause_collection;
  const collected = subscription.status !== 'unpaid' && pause === null;
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
  if (pause !== null && pause.behavior !== 'keep_as_draft') {
    finalize(account, invoice, false);
    close(account, invoice, pause.behavior === 'void' ? 'void' : 'uncollectible');
  }
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

/** Starts a new period now, and with it a new cycle, and collects its invoice at once, if there is one. */
export function renewNow(
  account: Account,
  subscription: Stripe.Subscription,
): Stripe.Invoice | null {
  const start = soonestStart(account, subscription);
  account.set(subscription, {
    billing_cycle_anchor: start,
    ...(subscription.status === 'trialing' ? { trial_end: start } : {}),
  });
  if (stopsWithTrial(account, subscription)) return null;
  const invoice = renew(account, subscription, start);
  if (invoice.auto_advance) collect(account, invoice);
  return invoice;
}

/** A second renewal in the same second would leave a period without length, and no next anchor. */
function soonestStart(account: Account, subscription: Stripe.Subscription): number {
  return Math.max(account.now(subscription.test_clock), periodOf(subscription).start + 1);
}

/** Ends the current period now, as if it had run out: a phase that was to end with it ends too. */
export function runOut(account: Account, subscription: Stripe.Subscription): Stripe.Invoice | null {
  const { start, end } = periodOf(subscription);
  const schedule = scheduleOf(account, subscription);
  if (schedule?.current_phase?.end_date === end) {
    const now = soonestStart(account, subscription);
    bringForward(account, schedule, end, now);
    setPeriod(account, subscription, { start, end: now });
    passPhase(account, subscription, now);
    if (account.get('subscription', subscription.id).status === 'canceled') return null;
  }
  return renewNow(account, subscription);
}

function bringForward(
  account: Account,
  schedule: Stripe.SubscriptionSchedule,
  from: number,
  to: number,
): void {
  const moved = (date: number) => (date >= from ? date + to - from : date);
  const shift = <T extends { start_date: number; end_date: number }>(phase: T): T => ({
    ...phase,
    start_date: moved(phase.start_date),
    end_date: moved(phase.end_date),
  });
  account.update(schedule, {
    phases: schedule.phases.map(shift),
    current_phase: schedule.current_phase && shift(schedule.current_phase),
  });
}

/** Takes a paused subscription up again, with a new period that is paid for now. */
export function resume(account: Account, subscription: Stripe.Subscription): void {
  account.update(subscription, { status: 'active' });
  renewNow(account, subscription);
  account.emit('customer.subscription.resumed', account.get('subscription', subscription.id));
}
