import type Stripe from 'stripe';
import { vi } from 'vitest';
import { after, type Instant } from '../../src/domain/instant.js';
import type { PlanId } from '../../src/domain/plans.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.js';
import { SEED_PRICES } from '../../src/sandbox/stripe/resources/catalogue.js';
import { createStripe } from '../../src/stripe/client.js';
import { controlSandbox } from './sandboxControl.js';

export const HOUR = 3_600;
export const DAY = 24 * HOUR;

export const priceIds = { pro: 'price_sandbox_pro', enterprise: 'price_sandbox_enterprise' };

export const prices: ReadonlyMap<string, PlanId> = new Map([
  [priceIds.pro, 'pro'],
  [priceIds.enterprise, 'enterprise'],
]);

/** Of no plan (R37). */
const SUPPORT = {
  id: 'price_support',
  product: 'prod_support',
  name: 'Support',
  amount: 5_000_000,
  currency: 'idr',
};

/** Long before the ledger's own clock: whatever happens here is older than a reading of it (R16). */
const START = '2025-01-29T12:00:00.000Z';

/**
 * A sandbox with one customer, whose time passes when it is told to: on a test clock there, and for all
 * code of this process that asks for the time, whose `Date` must be faked. So Stripe forgets keys, and the
 * product thinks that it may have, when their day is over.
 */
export class StripeSide {
  /** All events so far, oldest first. */
  readonly events: Stripe.Event[] = [];
  now: Instant = START;

  private constructor(
    private readonly sandbox: Sandbox,
    /** The product's own client. */
    readonly stripe: Stripe,
    private readonly clockId: string,
    readonly customerId: string,
  ) {}

  /** With a customer who has a good card. */
  static async start(): Promise<StripeSide> {
    vi.setSystemTime(START);
    const sandbox = await startSandbox({ port: 0, prices: [...SEED_PRICES, SUPPORT] });
    const stripe = createStripe('sk_test_sandbox', sandbox.url);
    const frozen_time = Date.parse(START) / 1_000;
    const { id: test_clock } = await stripe.testHelpers.testClocks.create({ frozen_time });
    const { id } = await stripe.customers.create({
      test_clock,
      payment_method: 'pm_card_visa',
      invoice_settings: { default_payment_method: 'pm_card_visa' },
    });
    return new StripeSide(sandbox, stripe, test_clock, id);
  }

  get url(): string {
    return this.sandbox.url;
  }

  async pass(seconds: number): Promise<void> {
    this.now = after(this.now, seconds * 1_000);
    vi.setSystemTime(this.now);
    const frozen_time = Date.parse(this.now) / 1_000;
    await this.stripe.testHelpers.testClocks.advance(this.clockId, { frozen_time });
  }

  /** The sandbox's own API. */
  control<T>(method: string, path: string, body?: unknown): Promise<T> {
    return controlSandbox(this.url, method, path, body);
  }

  /** Presses a button of one of Stripe's pages, as the customer does; whether it was let. */
  async press(page: string, form: Record<string, string>): Promise<boolean> {
    const body = new URLSearchParams(form);
    return (await fetch(page, { method: 'POST', body, redirect: 'manual' })).status < 400;
  }

  /** Learns of the events that have been caused since. */
  async listen(): Promise<void> {
    for (;;) {
      const last = this.events.at(-1)?.id;
      const { data } = await this.stripe.events.list({
        limit: 100,
        ...(last !== undefined && { ending_before: last }),
      });
      if (data.length === 0) return;
      this.events.push(...data.toReversed());
      if (last === undefined) return;
    }
  }

  /** All subscriptions that the customer ever had, oldest first. */
  async subscriptions(): Promise<Stripe.Subscription[]> {
    const list = { customer: this.customerId, status: 'all', limit: 100 } as const;
    return (await this.stripe.subscriptions.list(list)).data.toReversed();
  }

  /** The customer's invoices, oldest first. */
  async invoices(): Promise<Stripe.Invoice[]> {
    const list = { customer: this.customerId, limit: 100 };
    return (await this.stripe.invoices.list(list)).data.toReversed();
  }

  close(): Promise<void> {
    return this.sandbox.close();
  }
}
