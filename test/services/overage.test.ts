import type Stripe from 'stripe';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { UsageBilling } from '../../src/db/usageBillings.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.js';
import { OverageService } from '../../src/services/overageService.js';
import { createStripe } from '../../src/stripe/client.js';
import { controlSandbox } from '../support/sandboxControl.js';
import { ALL, type Books, february, january, noon, openBooks, subscriptionOf } from './closing.js';

let books: Books;
let sandbox: Sandbox;
let stripe: Stripe;
let overage: OverageService;
beforeAll(async () => {
  [books, sandbox] = await Promise.all([openBooks(), startSandbox({ port: 0 })]);
  stripe = createStripe('sk_test_sandbox', sandbox.url);
  overage = new OverageService(books.pool, stripe);
});
afterAll(() => Promise.all([books.shut(), sandbox.close()]));

const control = (method: string, path: string, body?: object) =>
  controlSandbox(sandbox.url, method, path, body);

/** Requests that match fail; where `after`, when they have had their effect. */
const fail = (path: string, fault: { method?: string; status?: number; after?: boolean }) =>
  control('POST', '/faults', {
    method: 'POST',
    path,
    kind: 'error',
    status: 503,
    times: 1,
    ...fault,
  });

interface Customer {
  team: string;
  customerId: string;
  subscription: Stripe.Subscription;
}

const subscribe = (customer: string) =>
  stripe.subscriptions.create({ customer, items: [{ price: 'price_sandbox_pro' }] });

const knows = (team: string, { id }: Stripe.Subscription, customerId: string) =>
  books.turn(team, { subscription: subscriptionOf({ id, customerId }) });

/** A subscriber whose record of January is due: `tokens` above the plan. */
async function owing(tokens: number): Promise<Customer> {
  const { id: customerId } = await stripe.customers.create({
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  const team = await books.team('pro', customerId);
  const subscription = await subscribe(customerId);
  await knows(team, subscription, customerId);
  await books.track(team, 50_000 + tokens, noon(january, 10));
  await books.close(january);
  return { team, customerId, subscription };
}

async function cancel({ team, customerId, subscription: { id } }: Customer): Promise<void> {
  await stripe.subscriptions.cancel(id);
  await hearsOfTheEnd({ team, customerId, subscription: { id } });
}

function hearsOfTheEnd(of: { team: string; customerId: string; subscription: { id: string } }) {
  const { team, customerId, subscription } = of;
  const { id } = subscription;
  return books.turn(team, {
    subscription: { ...subscriptionOf({ id, customerId }), status: 'canceled' },
  });
}

const bill = ({ team }: Customer) =>
  overage.billPage(january.id, { first: team, last: team }, () => {});

/** As the next run of the close does. */
async function billAgain(customer: Customer): Promise<void> {
  await books.closes.beginBilling(january.id, noon(february, 3));
  await bill(customer);
}

async function record({ team }: Customer): Promise<UsageBilling> {
  const [first] = await books.records(team);
  if (first === undefined) throw new Error(`${team} has no record`);
  return first;
}

/** What was put on Stripe for the customer's usage: amounts by where they are. */
async function put({ customerId: customer }: Customer) {
  const { data } = await stripe.invoiceItems.list({ customer, limit: 100 });
  return data.map(({ amount, invoice, parent }) => ({
    amount,
    on: invoice ?? parent?.subscription_details?.subscription,
  }));
}

/** The invoices that were made for usage alone. */
async function ownInvoices({ customerId: customer }: Customer): Promise<Stripe.Invoice[]> {
  const { data } = await stripe.invoices.list({ customer, limit: 100 });
  return data.filter(({ metadata }) => metadata?.['tagih_period'] === january.id);
}

test('two that bill a record at once put one item on Stripe (R32, R34)', async () => {
  const customer = await owing(70);
  await Promise.allSettled([bill(customer), bill(customer), overage.settle(customer.team)]);
  await bill(customer);
  expect(await put(customer)).toEqual([{ amount: 70, on: customer.subscription.id }]);
  expect(await record(customer)).toMatchObject({ status: 'pending' });
});

test('an item that nobody wrote down moves when its subscription has ended meanwhile (R34)', async () => {
  const customer = await owing(2_000_000);
  await fail('^/v1/invoiceitems$', { after: true });
  await expect(bill(customer)).rejects.toThrow('503');
  await cancel(customer);
  await bill(customer);

  const [invoice, ...others] = await ownInvoices(customer);
  expect(others).toEqual([]);
  expect(await record(customer)).toMatchObject({
    status: 'billed',
    stripeInvoiceId: invoice?.id,
    generation: 2,
  });
  expect(await put(customer)).toEqual([{ amount: 2_000_000, on: invoice?.id }]);
});

test('an item moves to the subscription that has followed on its own (R34)', async () => {
  const customer = await owing(80);
  await bill(customer);
  await stripe.subscriptions.cancel(customer.subscription.id);
  const next = await subscribe(customer.customerId);
  await knows(customer.team, next, customer.customerId);
  await overage.settle(customer.team);
  expect(await put(customer)).toEqual([{ amount: 80, on: next.id }]);
  expect(await record(customer)).toMatchObject({ status: 'pending', generation: 2 });
});

test.each([
  ['DELETE ^/v1/invoiceitems/', false],
  ['DELETE ^/v1/invoiceitems/', true],
  ['POST ^/v1/invoices$', false],
  ['POST ^/v1/invoices$', true],
  ['POST ^/v1/invoiceitems$', false],
  ['POST ^/v1/invoiceitems$', true],
  ['POST /finalize$', false],
  ['POST /finalize$', true],
])(
  'an outage of %s, after its effect: %s, leaves nothing undone or done twice (R28, R34)',
  async (request, after) => {
    const [method = '', path = ''] = request.split(' ');
    const customer = await owing(3_000_000);
    await bill(customer);
    await cancel(customer);
    await fail(path, { method, after });
    await expect(overage.settle(customer.team)).rejects.toThrow('503');
    await overage.settle(customer.team);

    const invoices = await ownInvoices(customer);
    expect(invoices).toMatchObject([{ total: 3_000_000, auto_advance: true }]);
    expect(await put(customer)).toEqual([{ amount: 3_000_000, on: invoices[0]?.id }]);
    expect(await record(customer)).toMatchObject({ status: 'billed' });
  },
);

test('what Stripe refused is tried again with the next run of the close', async () => {
  const customer = await owing(90);
  await fail('^/v1/invoiceitems$', { status: 400 });
  await bill(customer);
  const refused = {
    status: 'failed',
    failure: 'StripeInvalidRequestError',
    stripeInvoiceItemId: null,
  };
  expect(await record(customer)).toMatchObject(refused);
  // A page whose worker died is billed once more: not what has failed.
  await bill(customer);
  expect(await record(customer)).toMatchObject(refused);
  await billAgain(customer);
  expect(await record(customer)).toMatchObject({ status: 'pending', failure: null });
  expect(await put(customer)).toHaveLength(1);
});

test.each([401, 403])(
  'a key that Stripe refuses with %i is no fault of the record: it waits as it was (R28)',
  async (status) => {
    const customer = await owing(40);
    await fail('^/v1/invoiceitems$', { status });
    await expect(bill(customer)).rejects.toMatchObject({ statusCode: status });
    expect(await record(customer)).toMatchObject({ status: 'due', generation: 1 });
    await bill(customer);
    const { stripeInvoiceItemId: item } = await record(customer);
    await fail('^/v1/invoiceitems/', { method: 'GET', status });
    await expect(overage.settle(customer.team)).rejects.toMatchObject({ statusCode: status });
    expect(await record(customer)).toMatchObject({ status: 'pending', stripeInvoiceItemId: item });
  },
);

test('a refusal makes no record forget the item that it has on Stripe (R34)', async () => {
  const customer = await owing(30);
  await bill(customer);
  const { stripeInvoiceItemId: item } = await record(customer);
  const refuse = async () => {
    await fail('^/v1/invoiceitems/', { method: 'GET', status: 400 });
    await overage.settle(customer.team);
    expect(await record(customer)).toMatchObject({ status: 'failed', stripeInvoiceItemId: item });
  };
  await refuse();
  await billAgain(customer);
  expect(await record(customer)).toMatchObject({ status: 'pending', stripeInvoiceItemId: item });

  await refuse();
  await stripe.invoiceItems.del(item ?? '');
  await billAgain(customer);
  await billAgain(customer);
  expect(await record(customer)).toMatchObject({ status: 'failed' });
  expect(await put(customer)).toEqual([]);
});

test('a subscription whose end is heard of late: its refusal is settled with the end (R34)', async () => {
  const customer = await owing(60);
  await stripe.subscriptions.cancel(customer.subscription.id);
  await bill(customer);
  expect(await record(customer)).toMatchObject({ status: 'failed' });
  await hearsOfTheEnd(customer);
  await overage.settle(customer.team);
  expect(await record(customer)).toMatchObject({ status: 'carried_forward' });
});

test('an item that somebody took back at Stripe is not made again', async () => {
  const customer = await owing(50);
  await bill(customer);
  await stripe.invoiceItems.del((await record(customer)).stripeInvoiceItemId ?? '');
  await overage.settle(customer.team);
  await billAgain(customer);
  expect(await record(customer)).toMatchObject({
    status: 'failed',
    failure: 'item_deleted_at_stripe',
  });
  expect(await put(customer)).toEqual([]);
});

/** An upgrade that the card declines pulls the pending item onto its own invoice; that invoice's id. */
async function failsToUpgrade({ customerId, subscription }: Customer): Promise<string> {
  await control('POST', `/customers/${customerId}/card`, { card: 'pm_card_chargeCustomerFail' });
  const { latest_invoice } = await stripe.subscriptions.update(subscription.id, {
    items: [{ id: subscription.items.data[0]?.id ?? '', price: 'price_sandbox_enterprise' }],
    payment_behavior: 'pending_if_incomplete',
    proration_behavior: 'always_invoice',
  });
  if (typeof latest_invoice !== 'string') throw new Error('the upgrade has no invoice');
  return latest_invoice;
}

test('usage on the invoice of an upgrade waits for its payment (R34)', async () => {
  const customer = await owing(2_000_000);
  await bill(customer);
  const invoiceId = await failsToUpgrade(customer);
  expect(await put(customer)).toContainEqual({ amount: 2_000_000, on: invoiceId });
  await overage.settle(customer.team);
  expect(await record(customer)).toMatchObject({ status: 'pending', generation: 1 });
  await stripe.invoices.pay(invoiceId, { paid_out_of_band: true });
  await overage.settle(customer.team);
  expect(await record(customer)).toMatchObject({ status: 'billed', stripeInvoiceId: invoiceId });
});

test('usage on the void invoice of an upgrade is owed still, and billed once more (R34)', async () => {
  const customer = await owing(2_000_000);
  await bill(customer);
  const invoiceId = await failsToUpgrade(customer);
  await stripe.invoices.voidInvoice(invoiceId);
  // It may die between its two steps.
  await fail('^/v1/invoiceitems$', { status: 503 });
  await expect(overage.settle(customer.team)).rejects.toThrow('503');
  await overage.settle(customer.team);
  await overage.settle(customer.team);
  expect(await record(customer)).toMatchObject({ status: 'pending', generation: 2 });
  expect((await put(customer)).filter(({ amount }) => amount === 2_000_000)).toEqual([
    { amount: 2_000_000, on: customer.subscription.id },
    { amount: 2_000_000, on: invoiceId },
  ]);
});

test('a team that Stripe does not know carries its amount forward, however large (R34)', async () => {
  const team = await books.team('pro');
  await books.track(team, 5_000_000, noon(january, 10));
  await books.closes.writeRecords(january.id, ALL);
  await overage.billPage(january.id, { first: team, last: team }, () => {});
  expect(await books.records(team)).toMatchObject([{ status: 'carried_forward' }]);
});

test('a ledger that came back from a backup finds its items again, though their keys are forgotten (R34)', async () => {
  const customer = await owing(110);
  await bill(customer);
  await books.pool.query(
    `update tagih.usage_billings set status = 'due', stripe_invoice_item_id = null, tried_at = null
      where team_id = $1`,
    [customer.team],
  );
  await control('DELETE', '/idempotency-keys');
  // Sealed by the clock that Stripe's items are dated by.
  await books.pool.query('update tagih.seals set sealed_at = now() where period = $1', [
    january.id,
  ]);
  await overage.adoptItems(january.id);
  await bill(customer);
  expect(await put(customer)).toEqual([{ amount: 110, on: customer.subscription.id }]);
  expect(await record(customer)).toMatchObject({ status: 'pending' });
});

test('an item of a worker that died is found, though its key is forgotten (R34, R35)', async () => {
  const customer = await owing(120);
  await fail('^/v1/invoiceitems$', { after: true });
  await expect(bill(customer)).rejects.toThrow('503');
  await control('DELETE', '/idempotency-keys');
  await bill(customer);
  expect(await put(customer)).toEqual([{ amount: 120, on: customer.subscription.id }]);
});
