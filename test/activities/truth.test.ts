import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Stripe from 'stripe';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.js';
import { createStripe } from '../../src/stripe/client.js';
import { type Ask, readTruth } from '../../src/stripe/truth.js';

let sandbox: Sandbox;
let stripe: Stripe;
beforeAll(async () => {
  sandbox = await startSandbox({ port: 0 });
  stripe = createStripe('sk_test_sandbox', sandbox.url);
});
afterAll(() => sandbox?.close());

async function control(path: string, body: object = {}): Promise<{ id: string }> {
  const response = await fetch(`${sandbox.url}/sandbox${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await response.json()) as { id: string };
}

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
    new Map([['price_sandbox_pro', 'pro']]),
  );

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
