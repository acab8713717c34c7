import type { Call } from '../../src/domain/calls.js';
import type { Attempt, DunningPolicy } from '../../src/domain/dunning.js';
import { currentSubscription, isLive, type Subscription } from '../../src/domain/subscription.js';
import type { Fact, Hint, Invoice, Outcome, Truth } from '../../src/domain/team.js';
import { day, hint, renewal, subscription } from './given.js';

export type Change =
  | 'subscribe'
  | 'change plan'
  | 'pause or resume'
  | 'cancel'
  | 'renewal fails'
  | 'renewal needs confirmation'
  | 'stripe retries'
  | 'stripe retries and the bank asks'
  | 'stripe counts on'
  | 'customer tries a card'
  | 'customer pays'
  | 'void'
  | 'write off'
  | 'new default card'
  | 'attach a card';

/** A tiny Stripe: what is true there, moving, and the events that tell of it. `n` picks where there is a choice. */
export class World {
  /** Hours since the walk began. */
  hours = 0;
  /** Every event so far, delivered or not. */
  readonly events: Hint[] = [];
  private subscriptions: Subscription[] = [];
  private invoices: Invoice[] = [];
  private defaultCard = 'pm_0';
  private ids = 0;

  constructor(private readonly policy: DunningPolicy) {}

  get now() {
    return day(0, this.hours);
  }

  get current(): Subscription | null {
    return currentSubscription(this.subscriptions);
  }

  /** The invoices of the live subscription that somebody failed to pay, or has to confirm. */
  get unpaid(): string[] {
    return this.invoices
      .filter(({ status, subscriptionId, failures, needsConfirmation }) => {
        const ours = this.live?.id === subscriptionId;
        return ours && status === 'open' && (failures.length > 0 || needsConfirmation);
      })
      .map(({ id }) => id);
  }

  change(change: Change, n: number): void {
    const open = this.invoices.filter(({ status }) => status === 'open');
    const invoice = open[n % open.length];
    const { live } = this;
    switch (change) {
      case 'subscribe':
        if (live !== undefined) return;
        this.subscriptions.push(subscription({ id: this.id('sub'), startedAt: this.now }));
        return this.tell(this.current?.id);
      case 'change plan':
        if (live === undefined) return;
        live.plan = live.plan === 'pro' ? 'enterprise' : 'pro';
        return this.tell(live.id);
      case 'pause or resume':
        if (live === undefined) return;
        live.status = live.status === 'paused' ? 'active' : 'paused';
        return this.tell(live.id);
      case 'cancel':
        if (live === undefined) return;
        Object.assign(live, { status: 'canceled', endedAt: this.now });
        return this.tell(live.id);
      case 'renewal fails':
      case 'renewal needs confirmation': {
        if (live === undefined) return;
        const asks = change === 'renewal needs confirmation';
        const id = this.id('in');
        this.invoices.push(renewal({ id, subscriptionId: live.id }));
        this.schedule(id, n);
        if (asks) this.ask(id, this.defaultCard);
        else this.decline(id, this.defaultCard);
        return this.tell(id);
      }
      case 'stripe retries':
      case 'stripe retries and the bank asks':
        if (invoice === undefined || this.policy.retries !== 'stripe') return;
        this.schedule(invoice.id, n);
        if (change === 'stripe retries') this.decline(invoice.id, this.defaultCard);
        else this.ask(invoice.id, this.defaultCard);
        return this.tell(invoice.id);
      case 'stripe counts on':
        if (invoice === undefined || this.policy.retries !== 'stripe') return;
        return this.schedule(invoice.id, n);
      case 'customer tries a card':
        if (invoice === undefined) return;
        this.decline(invoice.id, this.id('pm'));
        return this.tell(invoice.id);
      case 'customer pays':
        return this.settle(invoice, 'paid');
      case 'void':
        return this.settle(invoice, 'void');
      case 'write off':
        return this.settle(invoice, 'uncollectible');
      case 'new default card':
        this.defaultCard = this.id('pm');
        return this.tell(undefined);
      case 'attach a card':
        return this.tell(this.id('pm'));
    }
  }

  /** What a call sees and does, when it reaches Stripe. */
  perform(call: Call, n: number): Fact {
    switch (call.kind) {
      case 'read':
        return { kind: 'read', number: call.reading.number, truth: this.truth(call) };
      case 'attempt': {
        const { invoiceId, attempt } = call;
        const outcome = this.pay(invoiceId, attempt, n);
        return { kind: 'attempted', invoiceId, number: attempt.number, outcome };
      }
      case 'write_off':
        this.settle(this.invoice(call.invoiceId), 'uncollectible');
        return { kind: 'written_off', invoiceId: call.invoiceId };
      case 'hold':
        return { kind: 'held', invoiceId: call.invoiceId };
      case 'settle':
        return { kind: 'settled', number: call.number };
    }
  }

  private truth({ ladders, askedToConfirm = [] }: Extract<Call, { kind: 'read' }>): Truth {
    const named = new Set([...ladders, ...askedToConfirm]);
    return structuredClone({
      customerId: 'cus_1',
      subscriptions: this.subscriptions,
      invoices: this.invoices.filter(({ id, status }) => status === 'open' || named.has(id)),
      defaultPaymentMethodIds: [this.defaultCard],
      policy: this.policy,
      upTo: { n: this.events.length, at: this.now },
    });
  }

  private pay(invoiceId: string, { paymentMethodId }: Attempt, n: number): Outcome {
    const status = this.invoice(invoiceId)?.status;
    if (status === 'paid') return { kind: 'paid' };
    if (status !== 'open') return { kind: 'gone' };
    const card = paymentMethodId ?? this.defaultCard;
    switch (n % 12) {
      case 0:
        this.settle(this.invoice(invoiceId), 'paid');
        return { kind: 'paid' };
      case 1:
        this.ask(invoiceId, card);
        return { kind: 'confirm' };
      case 2:
        return { kind: 'stopped', code: 'parameter_invalid' };
      case 3:
        return { kind: 'key_spent' };
      default:
        this.tell(invoiceId);
        return {
          kind: 'declined',
          failureId: this.decline(invoiceId, card),
          paymentMethodId: card,
        };
    }
  }

  private get live(): Subscription | undefined {
    return this.subscriptions.find(isLive);
  }

  private invoice(id: string): Invoice | undefined {
    return this.invoices.find((invoice) => invoice.id === id);
  }

  /** One scheduled attempt more, and the next one in some days, or never. */
  private schedule(id: string, n: number): void {
    const invoice = this.invoice(id);
    if (invoice === undefined) return;
    invoice.attemptCount = (invoice.attemptCount ?? 0) + 1;
    invoice.nextPaymentAttemptAt = n % 4 === 0 ? null : day(0, this.hours + (n % 200));
  }

  private settle(invoice: Invoice | undefined, status: Invoice['status']): void {
    if (invoice?.status !== 'open') return;
    invoice.status = status;
    this.tell(invoice.id);
  }

  private decline(invoiceId: string, paymentMethodId: string): string {
    const id = this.id('ch');
    const invoice = this.invoice(invoiceId);
    invoice?.failures.push({ id, at: this.now, paymentMethodId });
    if (invoice !== undefined) Object.assign(invoice, { needsConfirmation: false, question: null });
    return id;
  }

  private ask(invoiceId: string, paymentMethodId: string): void {
    const question = { at: this.now, paymentMethodId };
    Object.assign(this.invoice(invoiceId) ?? {}, { needsConfirmation: true, question });
  }

  private tell(object: string | undefined): void {
    const n = this.events.length + 1;
    this.events.push(hint({ id: this.id('evt'), object: object ?? null, at: this.now, n }));
  }

  private id(prefix: string): string {
    this.ids += 1;
    return `${prefix}_${this.ids}`;
  }
}
