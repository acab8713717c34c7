import type { Books } from './books.js';
import { DAY, HOUR, hour, type Second } from './calendar.js';
import type { OperatorAct, Plan } from './fate.js';
import type { CardOnFile, Invoice, Stripe, Subscription } from './stripe.js';

const INTERVALS = [3 * DAY, 5 * DAY] as const;
const CONFIRMATION = 23 * HOUR;
const TRIAL_NOTICE = 3 * DAY;
const STRIKE_MAILS = ['payment-warning', 'payment-critical', 'account-locked'] as const;

/** An unpaid renewal and its strikes. */
interface Ladder {
  invoice: Invoice;
  strike: number;
  /** What comes by itself: an attempt, or the end of the wait for the customer. */
  due: { at: Second; for: 'attempt' | 'confirmation' } | null;
  /** Until then an attempt waits for the customer to confirm one that was none of the timer's. */
  confirmBy: Second;
  /** How long the timer still had to run when an operator paused it. */
  remaining: number | null;
  attempts: number;
  tried: Set<CardOnFile>;
  known: Set<string>;
}

/** What the rules ask of Tagih: it looks at Stripe whenever something has changed, and keeps its timers. */
export class Tagih {
  ladders: Ladder[] = [];
  private readonly closed = new Set<Invoice>();
  private seen: Subscription | null = null;
  private told = false;
  private trialTold = false;

  constructor(
    private readonly stripe: Stripe,
    private readonly books: Books,
  ) {}

  get subscription(): Subscription | null {
    return this.stripe.subscriptions.at(-1) ?? null;
  }

  get strike(): number {
    return Math.max(0, ...this.ladders.map(({ strike }) => strike));
  }

  /** When one of its timers runs out; Infinity when none runs. */
  next(): Second {
    return Math.min(this.trialNotice, ...this.ladders.map(dueAt));
  }

  /** What is due `at` happens. */
  run(at: Second): void {
    if (this.trialNotice <= at) {
      this.trialTold = true;
      this.books.mail('trial-ending');
    }
    for (const ladder of this.ladders.filter((of) => dueAt(of) <= at)) {
      if (ladder.due?.for === 'confirmation') this.rise(ladder, at);
      else this.attempt(ladder, 'timer', at);
    }
    this.look(at);
  }

  /** Takes note of what has changed at Stripe. */
  look(at: Second): void {
    this.lookAtSubscription(at);
    const { subscription } = this;
    for (const ladder of this.ladders) {
      const isOver =
        ladder.invoice.status !== 'open' || ladder.invoice.subscription.status === 'canceled';
      if (isOver) this.end(ladder, at);
    }
    for (const invoice of this.stripe.open) {
      const isNews =
        !this.closed.has(invoice) && !this.ladders.some((of) => of.invoice === invoice);
      const counts = invoice.reason === 'subscription_cycle' && invoice.attempted;
      if (isNews && counts && invoice.subscription === subscription) this.begin(invoice);
    }
    for (const ladder of this.ladders) this.lookAtFailures(ladder, at);
    for (const ladder of this.ladders) this.offer(ladder, at);
    // What was paid by that changes the subscription.
    this.lookAtSubscription(at);
  }

  act(act: OperatorAct, at: Second, until: Second | null): void {
    const kind = `operator_${act.replace('-', '_')}`;
    this.books.note(at, kind, { invoiceId: null, ...(until !== null && { until: hour(until) }) });
    for (const ladder of this.ladders) {
      if (act === 'retry-payment') this.attempt(ladder, 'operator', at);
      else if (act === 'waive') {
        this.stripe.settle(ladder.invoice, 'uncollectible');
        this.end(ladder, at);
      } else if (ladder.due === null) continue;
      else if (act === 'extend-grace') ladder.due.at = until ?? at;
      else if (act === 'pause-dunning') ladder.remaining = ladder.due.at - at;
      else if (act === 'resume-dunning') {
        ladder.due.at = at + (ladder.remaining ?? 0);
        ladder.remaining = null;
      }
    }
  }

  /** When the end of a trial is told of; Infinity when it is not to be. */
  private get trialNotice(): Second {
    if (this.subscription?.status !== 'trialing' || this.trialTold) return Number.POSITIVE_INFINITY;
    return this.subscription.periodEnd - TRIAL_NOTICE;
  }

  private lookAtSubscription(at: Second): void {
    const { subscription: now, books } = this;
    if (now === null) return;
    const { name: subscriptionId, status, cancelAt, pendingPlan, periodEnd } = now;
    const before = this.seen?.name === subscriptionId ? this.seen : null;
    if (status !== before?.status)
      books.note(at, 'subscription_changed', { subscriptionId, status });
    const tiers = { from: tierOf(this.seen), to: tierOf(now) };
    if (tiers.from !== tiers.to) {
      books.note(at, 'tier_changed', tiers);
      if (before !== null && tiers.to !== 'free') books.mail('plan-changed');
    }
    const cancelWas = before?.cancelAt ?? null;
    const planWas = before?.pendingPlan ?? null;
    this.seen = { ...now };
    if (status === 'canceled') return;
    if (cancelAt !== null && cancelAt !== cancelWas) {
      books.note(at, 'cancellation_scheduled', { subscriptionId, cancelAt: hour(cancelAt) });
    }
    if (cancelAt === null && cancelWas !== null) {
      books.note(at, 'cancellation_withdrawn', { subscriptionId });
    }
    if (pendingPlan !== null && pendingPlan !== planWas) {
      const details = { subscriptionId, plan: pendingPlan, at: hour(periodEnd) };
      books.note(at, 'plan_change_scheduled', details);
    }
    if (pendingPlan === null && planWas !== null && planWas !== now.plan) {
      books.note(at, 'plan_change_withdrawn', { subscriptionId, plan: planWas });
    }
  }

  private begin(invoice: Invoice): void {
    this.ladders.push({
      invoice,
      strike: 0,
      due: null,
      confirmBy: 0,
      remaining: null,
      attempts: 0,
      tried: new Set([this.stripe.card]),
      known: new Set(),
    });
  }

  /** News of an invoice: the bank has asked, or the first attempt has failed, which is the first strike. */
  private lookAtFailures(ladder: Ladder, at: Second): void {
    const { invoice, known } = ladder;
    const news = invoice.failures.filter(({ name }) => !known.has(name));
    for (const failure of news) {
      this.noteFailure(ladder, failure.name, at);
      if (ladder.strike === 0) this.rise(ladder, failure.at);
    }
    if (ladder.strike > 0 || ladder.due !== null || !invoice.waits) return;
    this.ask(ladder, at);
    ladder.due = { at: at + CONFIRMATION, for: 'confirmation' };
  }

  /** A card that this invoice has not seen is tried at once, from the first strike on. */
  private offer(ladder: Ladder, at: Second): void {
    if (ladder.strike > 0 && !ladder.tried.has(this.stripe.card)) this.attempt(ladder, 'card', at);
  }

  private attempt(ladder: Ladder, by: 'timer' | 'card' | 'operator', at: Second): void {
    const { invoice, tried } = ladder;
    ladder.attempts += 1;
    this.books.attempts.push(`${invoice.name}:${ladder.attempts}`);
    tried.add(this.stripe.card);
    const outcome = this.stripe.pay(invoice, this.stripe.card, at);
    if (outcome === 'paid') return this.end(ladder, at);
    if (outcome === 'asked') {
      this.ask(ladder, at);
      if (by === 'timer') ladder.due = { at: at + CONFIRMATION, for: 'confirmation' };
      else ladder.confirmBy = at + CONFIRMATION;
      return;
    }
    this.noteFailure(ladder, invoice.failures.at(-1)?.name ?? '', at);
    if (by === 'timer') this.rise(ladder, at);
  }

  private rise(ladder: Ladder, at: Second): void {
    if (ladder.strike === 3) return;
    const before = this.strike;
    ladder.strike += 1;
    const interval = INTERVALS[ladder.strike - 1];
    ladder.due = interval === undefined ? null : { at: at + interval, for: 'attempt' };
    this.books.note(at, 'strike', {
      invoiceId: ladder.invoice.name,
      strike: ladder.strike,
      nextAttemptAt: ladder.due && hour(ladder.due.at),
    });
    if (this.strike === before) return;
    this.told = true;
    this.books.mail(STRIKE_MAILS[ladder.strike - 1] ?? '', ladder.invoice);
  }

  private ask({ invoice }: Ladder, at: Second): void {
    this.books.note(at, 'confirmation_needed', { invoiceId: invoice.name });
    this.books.mail('payment-action-required', invoice);
  }

  private noteFailure({ invoice, known }: Ladder, failureId: string, at: Second): void {
    known.add(failureId);
    this.books.note(at, 'payment_attempt_failed', { invoiceId: invoice.name, failureId });
  }

  private end(ladder: Ladder, at: Second): void {
    const { invoice } = ladder;
    const isPaid = invoice.status === 'paid';
    this.ladders = this.ladders.filter((of) => of !== ladder);
    this.closed.add(invoice);
    this.books.note(at, isPaid ? 'invoice_paid' : 'invoice_closed', { invoiceId: invoice.name });
    if (this.ladders.length > 0) return;
    if (isPaid && this.told) this.books.mail('payment-recovered');
    this.told = false;
  }
}

function dueAt({ due, confirmBy, remaining }: Ladder): Second {
  if (due === null || remaining !== null) return Number.POSITIVE_INFINITY;
  return due.for === 'attempt' ? Math.max(due.at, confirmBy) : due.at;
}

export function tierOf(subscription: Subscription | null): Plan {
  return subscription === null || subscription.status === 'canceled' ? 'free' : subscription.plan;
}
