import { randomBytes } from 'node:crypto';
import Stripe from 'stripe';
import { missing } from '../http/error.js';
import type { Kind, Of, Resource } from '../objects.js';
import type { Store } from '../store.js';
import { nextDue } from './billing/due.js';

type EventType = Stripe.Event['type'];

const CREATED: Partial<Record<Kind, EventType>> = {
  customer: 'customer.created',
  dispute: 'charge.dispute.created',
  subscription: 'customer.subscription.created',
  subscription_schedule: 'subscription_schedule.created',
  invoice: 'invoice.created',
  invoiceitem: 'invoiceitem.created',
  payment_intent: 'payment_intent.created',
  product: 'product.created',
  price: 'price.created',
  refund: 'refund.created',
  'test_helpers.test_clock': 'test_helpers.test_clock.created',
};
const UPDATED: Partial<Record<Kind, EventType>> = {
  customer: 'customer.updated',
  subscription: 'customer.subscription.updated',
  subscription_schedule: 'subscription_schedule.updated',
  invoice: 'invoice.updated',
  payment_method: 'payment_method.updated',
  product: 'product.updated',
  price: 'price.updated',
  refund: 'refund.updated',
};
const NOUN: Partial<Record<Kind, string>> = {
  payment_method: 'PaymentMethod',
  'checkout.session': 'checkout.session',
  'test_helpers.test_clock': 'test clock',
};

/** The Stripe account that the sandbox plays: its objects, its clocks, and the events they cause. */
export class Account {
  /** The API request being served, which the events that it causes name. */
  request: { id: string; idempotencyKey: string | null } | null = null;

  constructor(
    readonly store: Store,
    /** Where the sandbox's own pages are reached. */
    readonly pages: () => string,
    private readonly announce: (event: Stripe.Event) => boolean,
  ) {}

  get<K extends Kind>(kind: K, id: string, param?: string): Of<K> {
    const found = this.store.find(kind, id);
    if (!found) throw missing(NOUN[kind] ?? kind, id, param);
    return found;
  }

  create<T extends Resource>(object: T): T {
    this.store.insert(object);
    this.reschedule(object);
    const type = CREATED[object.object];
    if (type) this.emit(type, object);
    return object;
  }

  /** Changes an object without a word to anyone. What others changed meanwhile stays. */
  set<T extends Resource>(object: T, changes: Partial<T>): T {
    Object.assign(object, this.store.lookUp(object.id), changes);
    this.store.save(object);
    this.reschedule(object);
    return object;
  }

  /** Changes an object and sends its `…updated` event, if anything is different. */
  update<T extends Resource>(object: T, changes: Partial<T>): T {
    const before = { ...this.store.lookUp(object.id) } as Record<string, unknown>;
    this.set(object, changes);
    const previous = Object.fromEntries(
      Object.entries(changes)
        .filter(([key, value]) => JSON.stringify(before[key]) !== JSON.stringify(value))
        .map(([key]) => [key, before[key] ?? null]),
    );
    const type = UPDATED[object.object];
    if (type && Object.keys(previous).length > 0) this.emit(type, object, previous);
    return object;
  }

  emit(type: EventType, object: Resource | Stripe.DeletedCustomer, previous?: object): void {
    const event = {
      id: newId('evt'),
      object: 'event',
      api_version: Stripe.API_VERSION,
      created: this.now(this.clockOf(object) ?? (previous ? this.clockOf(previous) : null)),
      data: { object, ...(previous ? { previous_attributes: previous } : {}) },
      livemode: false,
      pending_webhooks: 0,
      request: this.request
        ? { id: this.request.id, idempotency_key: this.request.idempotencyKey }
        : { id: null, idempotency_key: null },
      type,
    } as unknown as Stripe.Event;
    this.store.insert(event);
    if (this.announce(event)) this.store.save({ ...event, pending_webhooks: 1 });
  }

  /** The test clock that an object lives on: its own, or that of what it belongs to. */
  clockOf(object: object): string | null {
    const { test_clock }: { test_clock?: unknown } = object;
    if (typeof test_clock === 'string') return test_clock;
    const id = this.customerOf(object);
    const customer = id === null ? undefined : this.store.find('customer', id);
    return customer?.test_clock ? idOf(customer.test_clock) : null;
  }

  /** The customer that an object is or names, or that what it belongs to names. */
  customerOf(object: object): string | null {
    const fields: Record<string, unknown> = { ...object };
    if (fields.object === 'customer') return String(fields.id);
    if (typeof fields.customer === 'string') return fields.customer;
    for (const owner of [fields.charge, fields.invoice]) {
      const found = typeof owner === 'string' ? this.store.lookUp(owner) : undefined;
      if (found) return this.customerOf(found);
    }
    return null;
  }

  /** Now for whoever lives on that test clock, in epoch seconds. */
  now(clock: Stripe.Subscription['test_clock']): number {
    return clock === null
      ? wallClock()
      : this.get('test_helpers.test_clock', idOf(clock)).frozen_time;
  }

  private reschedule(object: Resource): void {
    switch (object.object) {
      case 'invoice':
      case 'subscription':
      case 'subscription_schedule':
      case 'trial_notice':
        this.store.schedule(
          object.id,
          object.test_clock && idOf(object.test_clock),
          nextDue(object),
        );
    }
  }
}

export function wallClock(): number {
  return Math.floor(Date.now() / 1000);
}

/** An id as Stripe makes them: the kind's prefix and something that can't be guessed. */
export function newId(prefix: string): string {
  const letters = randomBytes(24).toString('base64').replace(/[+/=]/g, '');
  return `${prefix}_${letters.slice(0, 24)}`;
}

/** The id of what is stored as a reference. */
export function idOf(reference: string | { id: string }): string {
  return typeof reference === 'string' ? reference : reference.id;
}

/** Metadata after an update: keys are merged, an empty value takes its key away, '' all of them. */
export function mergeMetadata(
  old: Stripe.Metadata | null,
  change: Stripe.Metadata | '' | undefined,
): Stripe.Metadata {
  if (change === '') return {};
  return Object.fromEntries(
    Object.entries({ ...old, ...change }).filter(([, value]) => value !== ''),
  );
}
