import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Stripe from 'stripe';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.js';
import { createStripe } from '../../src/stripe/client.js';
import { type Ask, readTruth } from '../../src/stripe/truth.js';
import { controlSandbox } from '../support/sandboxControl.js';

let sandbox: Sandbox;
let stripe: Stripe;
beforeAll(async () => {
  sandbox = await startSandbox({ port: 0 });
  stripe = createStripe('sk_test_sandbox', sandbox.url);
});
afterAll(() => sandbox?.close());

const control = (path: string, body?: object): Promise<{ id: string }> =>
  controlSandbox(sandbox.url, 'POST', path, body);

/** The open renewal of a customer whose card does this. */
async function renewalWith(card: string) {
  const { id: customerId } = await stripe.customers.create({
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  const { id } = await stripe.subscriptions.create({
    customer: customerId,
    items: [{ price: 'price_sandbox_pro' }],
  });
  await control(`/customers/${customerId}/card`, { card });
  const { id: invoiceId } = await control(`/subscriptions/${id}/renew`);
  return { customerId, invoiceId };
}

const read = (ask: Partial<Ask>, at = stripe) =>
  readTruth(
    at,
    {
      subscriptionId: null,
      customerIds: [],
      subscriptionIds: [],
      invoiceIds: [],
      chargeIds: [],
      disputeIds: [],
      ...ask,
    },
    new Map([
      ['price_sandbox_pro', 'pro'],
      ['price_sandbox_enterprise', 'enterprise'],
    ]),
  );

/** A customer with a good card who subscribes; what is not told is Enterprise, paid. */
async function subscribe(wish: Partial<Stripe.SubscriptionCreateParams> = {}) {
  const { id: customer } = await stripe.customers.create({
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  return stripe.subscriptions.create({
    customer,
    items: [{ price: 'price_sandbox_enterprise' }],
    ...wish,
  });
}

/** What is read of the only subscription of a customer. */
async function readOnly({ customer }: Stripe.Subscription) {
  const { subscriptions } = await read({ customerIds: [String(customer)] });
  expect(subscriptions).toHaveLength(1);
  return subscriptions[0];
}

/** Stripe a moment after the bank asked for a confirmation: the payment does not wait for it yet. */
async function startMomentBefore(): Promise<Server> {
  const server = createServer(async ({ url, headers }, response) => {
    const { authorization = '' } = headers;
    const answer = await fetch(`${sandbox.url}${url}`, { headers: { authorization } });
    const body = (await answer.json()) as { object: string };
    const unconfirmed = {
      status: 'requires_payment_method',
      last_payment_error: { type: 'card_error', code: 'authentication_required' },
    };
    if (body.object === 'payment_intent') Object.assign(body, unconfirmed);
    response.writeHead(answer.status).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return server;
}

test('R27: a charge by which the bank asks for a confirmation is no failure', async () => {
  const { customerId, invoiceId } = await renewalWith('pm_card_authenticationRequired');
  const { data } = await stripe.charges.list({ customer: customerId });
  expect(data[0]).toMatchObject({ status: 'failed', failure_code: 'authentication_required' });
  const { invoices } = await read({ customerIds: [customerId] });
  expect(invoices).toMatchObject([{ id: invoiceId, needsConfirmation: true, failures: [] }]);
  const { created = 0, payment_method: paymentMethodId } = data[0] ?? {};
  const at = new Date(created * 1_000).toISOString();
  expect(invoices).toMatchObject([{ question: { at, paymentMethodId } }]);
});

test.each([
  ['tries again by itself', 'pm_card_chargeCustomerFail', 3 * 86_400_000],
  ['does not after a hard decline, whatever it schedules', 'pm_card_chargeDeclinedLostCard', null],
])('R24: Stripe %s', async (_, card, later) => {
  const { customerId, invoiceId } = await renewalWith(card);
  expect((await stripe.invoices.retrieve(invoiceId)).next_payment_attempt).not.toBeNull();
  const [invoice] = (await read({ customerIds: [customerId] })).invoices;
  const { attemptCount, nextPaymentAttemptAt: next, failures } = invoice ?? {};
  expect(attemptCount).toBe(1);
  expect(next && Date.parse(next) - Date.parse(failures?.[0]?.at ?? '')).toBe(later);
});

test('R27: nor is it in the moment before the payment waits for the customer', async () => {
  const { customerId } = await renewalWith('pm_card_authenticationRequired');
  const server = await startMomentBefore();
  try {
    const { port } = server.address() as AddressInfo;
    const moment = createStripe('sk_test_sandbox', `http://127.0.0.1:${port}`);
    const { invoices } = await read({ customerIds: [customerId] }, moment);
    expect(invoices).toMatchObject([{ needsConfirmation: true, failures: [] }]);
  } finally {
    server.close();
  }
});

test('R23: a confirmation that failed is a failure, without a charge', async () => {
  const { customerId, invoiceId } = await renewalWith('pm_card_authenticationRequired');
  await control(`/invoices/${invoiceId}/confirm`, { succeed: false });
  const { invoices } = await read({ customerIds: [customerId] });
  expect(invoices).toMatchObject([
    { needsConfirmation: false, failures: [{ id: `${invoiceId}#1`, paymentMethodId: null }] },
  ]);
});

test('R23: a decline is a failure, also beside a payment that waits for the customer', async () => {
  const { customerId, invoiceId } = await renewalWith('pm_card_chargeCustomerFail');
  await control(`/customers/${customerId}/card`, { card: 'pm_card_authenticationRequired' });
  await expect(stripe.invoices.pay(invoiceId)).rejects.toThrow('user action');
  const { invoices } = await read({ customerIds: [customerId] });
  expect(invoices).toMatchObject([
    { needsConfirmation: true, failures: [{ id: expect.stringMatching(/^ch_/) }] },
  ]);
});

test('R18: an invoice that a fact named is read, though Stripe does not have the customer', async () => {
  const { invoiceId } = await renewalWith('pm_card_chargeCustomerFail');
  expect(await read({ customerIds: ['cus_gone'], invoiceIds: [invoiceId] })).toMatchObject({
    unknownCustomerIds: ['cus_gone'],
    invoices: [{ id: invoiceId, status: 'open' }],
    defaultPaymentMethodIds: [],
  });
});

test('R37: an add-on before the plan does not hide it; alone, it is a price that no plan knows', async () => {
  const { id: addOn } = await stripe.prices.create({
    currency: 'idr',
    unit_amount: 100_00,
    recurring: { interval: 'month' },
    product_data: { name: 'Support' },
  });
  const both = await subscribe({ items: [{ price: addOn }, { price: 'price_sandbox_pro' }] });
  expect(await readOnly(both)).toMatchObject({ plan: 'pro', priceId: 'price_sandbox_pro' });
  const alone = await subscribe({ items: [{ price: addOn }] });
  expect(await readOnly(alone)).toMatchObject({ plan: null, priceId: addOn });
});

test('a trial is read with its end', async () => {
  const trial = await subscribe({ trial_period_days: 14 });
  const trialEnd = new Date((trial.trial_end ?? 0) * 1000).toISOString();
  expect(await readOnly(trial)).toMatchObject({ status: 'trialing', trialEnd });
  expect(await readOnly(await subscribe())).toMatchObject({ trialEnd: null, pendingPlan: null });
});

test('a pause of its collection is read, and its end', async () => {
  const { id } = await subscribe();
  const resumes_at = Math.floor(Date.now() / 1000) + 86_400;
  const pause_collection = { behavior: 'keep_as_draft', resumes_at } as const;
  const paused = await stripe.subscriptions.update(id, { pause_collection });
  const resumesAt = new Date(resumes_at * 1000).toISOString();
  expect(await readOnly(paused)).toMatchObject({
    status: 'active',
    pauseCollection: { behavior: 'keep_as_draft', resumesAt },
  });
  const resumed = await stripe.subscriptions.update(id, { pause_collection: null });
  expect(await readOnly(resumed)).not.toHaveProperty('pauseCollection');
});

test("the plan that a schedule changes to is read, until it is released: a listed subscription's and a named one's", async () => {
  const subscription = await subscribe();
  const schedule = await stripe.subscriptionSchedules.create({
    from_subscription: subscription.id,
  });
  expect(await readOnly(subscription)).toMatchObject({ pendingPlan: null });
  const [phase] = schedule.phases;
  if (phase === undefined) throw new Error('the schedule has no phase');
  await stripe.subscriptionSchedules.update(schedule.id, {
    phases: [
      {
        items: [{ price: 'price_sandbox_enterprise' }],
        start_date: phase.start_date,
        end_date: phase.end_date,
      },
      { items: [{ price: 'price_sandbox_pro' }], duration: { interval: 'month' } },
    ],
  });
  const at = new Date(phase.end_date * 1000).toISOString();
  const pendingPlan = { plan: 'pro', at };
  expect(await readOnly(subscription)).toMatchObject({ plan: 'enterprise', pendingPlan });
  const named = await read({ subscriptionIds: [subscription.id] });
  expect(named.subscriptions).toMatchObject([{ pendingPlan }]);
  await stripe.subscriptionSchedules.release(schedule.id);
  expect(await readOnly(subscription)).toMatchObject({ pendingPlan: null });
});

test('R16: refunds and disputes are read by what named them, and by nothing else', async () => {
  const { customer } = await subscribe();
  const { data } = await stripe.charges.list({ customer: String(customer) });
  const chargeId = data[0]?.id ?? '';
  const part = await stripe.refunds.create({ charge: chargeId, amount: 100_00 });
  const { id: disputeId } = await control(`/charges/${chargeId}/dispute`);
  await control(`/disputes/${disputeId}/close`, { status: 'lost' });
  const customerIds = [String(customer)];
  expect(
    await read({
      customerIds,
      chargeIds: [chargeId, 'ch_gone'],
      disputeIds: [disputeId, 'du_gone'],
    }),
  ).toMatchObject({
    refunds: [{ id: part.id, chargeId, customerId: customer, amount: 100_00 }],
    disputes: [{ id: disputeId, chargeId, amount: data[0]?.amount, closedAs: 'lost' }],
  });
  expect(await read({ customerIds })).toMatchObject({ refunds: [], disputes: [] });
});

test('R34: the end of the invoice of an upgrade settles usage, that of a renewal does not', async () => {
  const subscription = await subscribe({ items: [{ price: 'price_sandbox_pro' }] });
  const customerIds = [String(subscription.customer)];
  const invoiceIds = [String(subscription.latest_invoice)];
  expect(await read({ customerIds, invoiceIds })).toMatchObject({ settles: false });
  await control(`/customers/${subscription.customer}/card`, { card: 'pm_card_chargeCustomerFail' });
  const { latest_invoice } = await stripe.subscriptions.update(subscription.id, {
    items: [{ id: subscription.items.data[0]?.id ?? '', price: 'price_sandbox_enterprise' }],
    payment_behavior: 'pending_if_incomplete',
    proration_behavior: 'always_invoice',
  });
  const upgrade = { customerIds, invoiceIds: [String(latest_invoice)] };
  expect(await read(upgrade)).toMatchObject({ settles: false });
  await stripe.invoices.voidInvoice(String(latest_invoice));
  expect(await read(upgrade)).toMatchObject({ settles: true });
});
