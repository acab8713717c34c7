import type { Objects } from './books.js';
import { DAY, HOUR, hour, monthsAfter, type Second } from './calendar.js';
import type { Card, Plan } from './fate.js';

/** In minor units a month. */
const PRICES: Readonly<Record<string, number>> = { pro: 29_900_000, enterprise: 99_900_000 };
const price = (plan: Plan) => PRICES[plan] ?? 0;

/** How long a draft stays one, and a change of plan waits for its payment. */
const DRAFT = HOUR;
const PENDING = 23 * HOUR;

export interface CardOnFile {
  kind: Card;
}

export interface Subscription {
  name: string;
  plan: Plan;
  status: 'trialing' | 'active' | 'past_due' | 'canceled';
  startedAt: Second;
  anchor: Second;
  periodStart: Second;
  periodEnd: Second;
  cancelAt: Second | null;
  endedAt: Second | null;
  pendingPlan: Plan | null;
  /** A larger plan that begins when its invoice is paid. */
  upgrade: { plan: Plan; invoice: Invoice } | null;
}

/** An attempt that failed, known by its charge, or by the invoice's first attempt where it left none. */
export interface Failure {
  name: string;
  at: Second;
  card: CardOnFile | null;
}

export interface Invoice {
  name: string;
  subscription: Subscription;
  reason: 'subscription_create' | 'subscription_cycle' | 'subscription_update';
  amount: number;
  status: 'draft' | 'open' | 'paid' | 'void' | 'uncollectible';
  createdAt: Second;
  attempted: boolean;
  /** The bank has asked, and the customer not answered. */
  waits: boolean;
  failures: Failure[];
}

export interface Charge {
  name: string;
  at: Second;
  amount: number;
  paid: boolean;
  refunded: number;
  disputed: boolean;
}

/** One customer of Stripe's: what it charges by itself, and what it answers. */
export class Stripe {
  card: CardOnFile = { kind: 'good' };
  readonly subscriptions: Subscription[] = [];
  readonly invoices: Invoice[] = [];
  readonly charges: Charge[] = [];

  /** When something next happens by itself; Infinity when nothing does. */
  next(): Second {
    const ends = this.subscriptions.map((subscription) =>
      subscription.endedAt === null ? subscription.periodEnd : Number.POSITIVE_INFINITY,
    );
    const drafts = this.invoices.map(({ status, createdAt }) =>
      status === 'draft' ? createdAt + DRAFT : Number.POSITIVE_INFINITY,
    );
    const upgrades = this.subscriptions.map(({ upgrade }) =>
      upgrade === null ? Number.POSITIVE_INFINITY : upgrade.invoice.createdAt + PENDING,
    );
    return Math.min(...ends, ...drafts, ...upgrades);
  }

  /** What is due `at` happens. */
  run(at: Second): void {
    for (const subscription of this.subscriptions) {
      const { upgrade } = subscription;
      if (upgrade !== null && upgrade.invoice.createdAt + PENDING <= at) {
        subscription.upgrade = null;
        upgrade.invoice.status = 'void';
      }
      if (subscription.endedAt === null && subscription.periodEnd <= at) this.renew(subscription);
    }
    for (const invoice of this.invoices) {
      if (invoice.status !== 'draft' || invoice.createdAt + DRAFT > at) continue;
      invoice.status = 'open';
      this.pay(invoice, this.card, at);
    }
  }

  subscribe(plan: Plan, at: Second, trialDays = 0): void {
    const trialEnd = at + trialDays * DAY;
    const subscription: Subscription = {
      name: `subscription ${this.subscriptions.length + 1}`,
      plan,
      status: trialDays > 0 ? 'trialing' : 'active',
      startedAt: at,
      anchor: trialEnd,
      periodStart: at,
      periodEnd: trialDays > 0 ? trialEnd : monthsAfter(at, 1),
      cancelAt: null,
      endedAt: null,
      pendingPlan: null,
      upgrade: null,
    };
    this.subscriptions.push(subscription);
    const amount = trialDays > 0 ? 0 : price(plan);
    this.pay(this.invoice(subscription, 'subscription_create', amount, at), this.card, at);
  }

  /** A larger plan: what is left of the period is paid, less what it was worth before. */
  upgrade(subscription: Subscription, plan: Plan, at: Second): void {
    const { periodStart, periodEnd } = subscription;
    const share = (periodEnd - at) / (periodEnd - periodStart);
    const amount = Math.round(price(plan) * share) - Math.round(price(subscription.plan) * share);
    const invoice = this.invoice(subscription, 'subscription_update', amount, at);
    subscription.upgrade = { plan, invoice };
    this.pay(invoice, this.card, at);
  }

  cancel(subscription: Subscription, at: Second): void {
    subscription.status = 'canceled';
    subscription.endedAt = at;
  }

  /** One attempt to pay an open invoice; how it ended. */
  pay(invoice: Invoice, card: CardOnFile, at: Second): 'paid' | 'declined' | 'asked' {
    invoice.attempted = true;
    if (invoice.amount === 0) {
      this.settle(invoice, 'paid');
      return 'paid';
    }
    const charge = this.charge(invoice, card.kind === 'good', at);
    if (card.kind === 'good') {
      this.settle(invoice, 'paid');
      return 'paid';
    }
    if (invoice.subscription.upgrade?.invoice !== invoice) invoice.subscription.status = 'past_due';
    invoice.waits = card.kind === 'asking';
    if (invoice.waits) return 'asked';
    invoice.failures.push({ name: charge.name, at, card });
    return 'declined';
  }

  /** The customer tells the bank whether the payment of an invoice is meant. */
  answer(invoice: Invoice, agrees: boolean, at: Second): void {
    invoice.waits = false;
    if (agrees) {
      this.charge(invoice, true, at);
      this.settle(invoice, 'paid');
    } else invoice.failures.push({ name: `${invoice.name}#1`, at, card: null });
  }

  settle(invoice: Invoice, status: 'paid' | 'void' | 'uncollectible'): void {
    const { subscription } = invoice;
    invoice.status = status;
    invoice.waits = false;
    if (subscription.upgrade?.invoice === invoice) {
      if (status === 'paid') subscription.plan = subscription.upgrade.plan;
      subscription.upgrade = null;
    }
    if (subscription.status !== 'past_due') return;
    // The newest invoice tells; an older one that is owed does not count any more.
    const counts = this.invoices.findLast(
      (of) =>
        of.subscription === subscription &&
        (of.status === 'open' || of.status === 'paid') &&
        of !== subscription.upgrade?.invoice,
    );
    if (counts?.status !== 'open' || !counts.attempted) subscription.status = 'active';
  }

  get open(): Invoice[] {
    return this.invoices.filter(({ status }) => status === 'open');
  }

  objects(): Objects {
    return {
      subscriptions: this.subscriptions.map((of) => ({
        plan: of.plan,
        status: of.status,
        startedAt: hour(of.startedAt),
        endedAt: of.endedAt === null ? null : hour(of.endedAt),
        cancelAt: of.cancelAt === null ? null : hour(of.cancelAt),
        periodEnd: hour(of.periodEnd),
      })),
      invoices: this.invoices.map(({ reason, status, amount, createdAt }) => ({
        reason,
        status,
        amount,
        createdAt: hour(createdAt),
      })),
      charges: this.charges.map(({ name: _, at, ...charge }) => ({ ...charge, at: hour(at) })),
    };
  }

  private renew(subscription: Subscription): void {
    const { periodEnd: at, anchor } = subscription;
    if (subscription.cancelAt !== null && subscription.cancelAt <= at) {
      return this.cancel(subscription, at);
    }
    if (subscription.status === 'trialing') subscription.status = 'active';
    subscription.plan = subscription.pendingPlan ?? subscription.plan;
    subscription.pendingPlan = null;
    let months = 1;
    while (monthsAfter(anchor, months) <= at) months += 1;
    subscription.periodStart = at;
    subscription.periodEnd = monthsAfter(anchor, months);
    const invoice = this.invoice(subscription, 'subscription_cycle', price(subscription.plan), at);
    invoice.status = 'draft';
  }

  private invoice(
    subscription: Subscription,
    reason: Invoice['reason'],
    amount: number,
    createdAt: Second,
  ): Invoice {
    const invoice: Invoice = {
      name: `invoice ${this.invoices.length + 1}`,
      subscription,
      reason,
      amount,
      status: 'open',
      createdAt,
      attempted: false,
      waits: false,
      failures: [],
    };
    this.invoices.push(invoice);
    return invoice;
  }

  private charge(invoice: Invoice, paid: boolean, at: Second): Charge {
    const name = `charge ${this.charges.length + 1}`;
    const charge = { name, at, amount: invoice.amount, paid, refunded: 0, disputed: false };
    this.charges.push(charge);
    return charge;
  }
}
