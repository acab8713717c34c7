import type Stripe from 'stripe';
import { afterAll, beforeAll } from 'vitest';
import type { UsageBilling } from '../../src/db/usageBillings.js';
import { startSandbox } from '../../src/sandbox/sandbox.js';
import { OverageService } from '../../src/services/overageService.js';
import { createStripe } from '../../src/stripe/client.js';
import { controlSandbox } from '../support/sandboxControl.js';
import { february, january, noon, openBooks, subscriptionOf } from './closing.js';

export interface Customer {
  team: string;
  customerId: string;
  subscription: Stripe.Subscription;
}

export type Debts = Awaited<ReturnType<typeof openDebts>>;

/** A ledger whose records are due, and the sandbox that they are to be put on. */
export async function openDebts() {
  const [books, sandbox] = await Promise.all([openBooks(), startSandbox({ port: 0 })]);
  const stripe = createStripe('sk_test_sandbox', sandbox.url);
  const overage = new OverageService(books.pool, stripe);

  const control = <T>(method: string, path: string, body?: object) =>
    controlSandbox<T>(sandbox.url, method, path, body);

  const subscribe = (customer: string) =>
    stripe.subscriptions.create({ customer, items: [{ price: 'price_sandbox_pro' }] });

  const knows = (team: string, { id }: Stripe.Subscription, customerId: string) =>
    books.turn(team, { subscription: subscriptionOf({ id, customerId }) });

  async function subscriber(): Promise<Customer> {
    const { id: customerId } = await stripe.customers.create({
      payment_method: 'pm_card_visa',
      invoice_settings: { default_payment_method: 'pm_card_visa' },
    });
    const team = await books.team('pro', customerId);
    const subscription = await subscribe(customerId);
    await knows(team, subscription, customerId);
    return { team, customerId, subscription };
  }

  const hearsOfTheEnd = ({ team, customerId, subscription: { id } }: Customer) =>
    books.turn(team, {
      subscription: { ...subscriptionOf({ id, customerId }), status: 'canceled' },
    });

  const bill = ({ team }: Customer) => overage.billPage(january.id, { first: team, last: team });

  return {
    books,
    stripe,
    overage,
    control,
    subscribe,
    knows,
    subscriber,
    hearsOfTheEnd,

    /** Requests that match fail; where `after`, when they have had their effect. */
    fail: (
      path: string,
      fault: { method?: string; status?: number; after?: boolean; stored?: boolean },
    ) =>
      control('POST', '/faults', {
        method: 'POST',
        path,
        kind: 'error',
        status: 503,
        times: 1,
        ...fault,
      }),

    /** A subscriber whose record of January is due: `tokens` above the plan. */
    async owing(tokens: number): Promise<Customer> {
      const customer = await subscriber();
      await books.track(customer.team, 50_000 + tokens, noon(january, 10));
      await books.close(january);
      return customer;
    },

    async cancel(customer: Customer): Promise<void> {
      await stripe.subscriptions.cancel(customer.subscription.id);
      await hearsOfTheEnd(customer);
    },

    bill,

    /** As a close does before it bills. January is to come; the items are of Stripe's clock. */
    adopt: () => overage.adoptItems({ id: january.id, end: new Date(0) }),

    /** As the next run of the close does. */
    async billAgain(customer: Customer): Promise<void> {
      await books.closes.beginBilling(january.id, noon(february, 3));
      await bill(customer);
    },

    /** Of January. */
    async record({ team }: Customer): Promise<UsageBilling> {
      const found = (await books.records(team)).find(({ period }) => period === january.id);
      if (found === undefined) throw new Error(`${team} has no record of January`);
      return found;
    },

    /** What was put on Stripe for the customer's usage: amounts by where they are. */
    async put({ customerId: customer }: Customer) {
      const { data } = await stripe.invoiceItems.list({ customer, limit: 100 });
      return data.map(({ amount, invoice, parent }) => ({
        amount,
        on: invoice ?? parent?.subscription_details?.subscription,
      }));
    },

    /** The invoices that were made for January's usage alone. */
    async ownInvoices({ customerId: customer }: Customer): Promise<Stripe.Invoice[]> {
      const { data } = await stripe.invoices.list({ customer, limit: 100 });
      return data.filter(({ metadata }) => metadata?.['tagih_period'] === january.id);
    },

    shut: () => Promise.all([books.shut(), sandbox.close()]),
  };
}

/** Such a ledger for all tests of a file. */
export function sharedDebts(): Debts {
  const debts = {} as Debts;
  beforeAll(async () => {
    Object.assign(debts, await openDebts());
  });
  afterAll(() => debts.shut());
  return debts;
}
