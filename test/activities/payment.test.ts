import type Stripe from 'stripe';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.js';
import { createStripe } from '../../src/stripe/client.js';
import { StripeUnavailable } from '../../src/stripe/errors.js';
import {
  attemptPayment,
  holdInvoice,
  type PaymentAttempt,
  writeOff,
} from '../../src/stripe/payment.js';
import { controlSandbox } from '../support/sandboxControl.js';

let sandbox: Sandbox;
let stripe: Stripe;
beforeAll(async () => {
  sandbox = await startSandbox({ port: 0 });
  stripe = createStripe('sk_test_sandbox', sandbox.url);
});
afterEach(() => control('DELETE', '/faults'));
afterAll(() => sandbox?.close());

const control = (method: string, path: string, body?: object): Promise<{ id: string }> =>
  controlSandbox(sandbox.url, method, path, body);

/** The unpaid renewal of a customer who has put this card in the place of the one that was declined. */
async function unpaidRenewal(card: string | null) {
  const { id: customer } = await stripe.customers.create({
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  const { id } = await stripe.subscriptions.create({
    customer,
    items: [{ price: 'price_sandbox_pro' }],
  });
  const declining = await control('POST', `/customers/${customer}/card`, {
    card: 'pm_card_chargeCustomerFail',
  });
  const { id: invoiceId } = await control('POST', `/subscriptions/${id}/renew`);
  if (card === null) await stripe.paymentMethods.detach(declining.id);
  else await control('POST', `/customers/${customer}/card`, { card });
  return invoiceId;
}

const attempt = (invoiceId: string, more: Partial<PaymentAttempt> = {}) =>
  attemptPayment(
    stripe,
    {
      invoiceId,
      number: 1,
      paymentMethodId: null,
      knownFailures: [],
      startedAt: new Date().toISOString(),
      ...more,
    },
    new Date(),
  );

/** The failed charges of an invoice, oldest first. */
async function failedCharges(invoiceId: string) {
  const { customer } = await stripe.invoices.retrieve(invoiceId);
  const { data } = await stripe.charges.list({ customer: String(customer), limit: 100 });
  return data.filter(({ status }) => status === 'failed').toReversed();
}

const pay = { method: 'POST', path: '/pay$' };

describe("R28: Stripe's answer to an attempt", () => {
  test.each([
    ['paid', 'pm_card_visa', { kind: 'paid' }],
    [
      'declined',
      'pm_card_chargeDeclinedInsufficientFunds',
      {
        kind: 'declined',
        failureId: expect.stringMatching(/^ch_/),
        paymentMethodId: expect.stringMatching(/^pm_/),
      },
    ],
    [
      'declined: nothing to pay with',
      null,
      { kind: 'declined', failureId: expect.stringMatching(/^in_\w+:1$/), paymentMethodId: null },
    ],
    ['confirm', 'pm_card_authenticationRequired', { kind: 'confirm' }],
  ])('%s', async (_, card, outcome) => {
    expect(await attempt(await unpaidRenewal(card))).toEqual(outcome);
  });

  test.each([
    ['paid already', (id: string) => stripe.invoices.pay(id), 'paid'],
    ['void', (id: string) => stripe.invoices.voidInvoice(id), 'gone'],
  ])('%s', async (_, end, kind) => {
    const invoiceId = await unpaidRenewal('pm_card_visa');
    await end(invoiceId);
    expect(await attempt(invoiceId)).toEqual({ kind });
  });

  test('gone: Stripe has no such invoice', async () => {
    expect(await attempt('in_unknown')).toEqual({ kind: 'gone' });
  });

  test.each([
    ['another 4xx', 400, 'parameter_unknown'],
    ['a right that the key lacks', 403, 'more_permissions_required'],
  ])('stopped: %s', async (_, status, code) => {
    const invoiceId = await unpaidRenewal('pm_card_visa');
    const body = { error: { type: 'invalid_request_error', code, message: 'no' } };
    await control('POST', '/faults', { ...pay, kind: 'error', status, body });
    expect(await attempt(invoiceId)).toEqual({ kind: 'stopped', code });
  });

  test.each([
    ['500', { kind: 'error', status: 500 }],
    ['429', { kind: 'error', status: 429 }],
    ['409: the key is in use', { kind: 'error', status: 409 }],
    ['no answer', { kind: 'reset' }],
  ])('unavailable: %s', async (_, wish) => {
    const invoiceId = await unpaidRenewal('pm_card_visa');
    await control('POST', '/faults', { ...pay, ...wish });
    await expect(attempt(invoiceId)).rejects.toThrow(StripeUnavailable);
    await control('DELETE', '/faults');
    expect(await attempt(invoiceId)).toEqual({ kind: 'paid' });
  });
});

describe('R26: what ended a ladder is seen before each try', () => {
  test('nobody is charged whose subscription was cancelled', async () => {
    const invoiceId = await unpaidRenewal('pm_card_visa');
    const { parent } = await stripe.invoices.retrieve(invoiceId);
    await stripe.subscriptions.cancel(String(parent?.subscription_details?.subscription));
    expect(await attempt(invoiceId)).toEqual({ kind: 'gone' });
    expect((await stripe.invoices.retrieve(invoiceId)).status).toBe('open');
  });

  test('nobody is charged while Stripe does not say', async () => {
    const invoiceId = await unpaidRenewal('pm_card_visa');
    await control('POST', '/faults', {
      kind: 'error',
      method: 'GET',
      path: 'invoices',
      status: 503,
    });
    await expect(attempt(invoiceId)).rejects.toThrow(StripeUnavailable);
    await control('DELETE', '/faults');
    expect((await stripe.invoices.retrieve(invoiceId)).status).toBe('open');
  });
});

describe('R28: what else is asked of an invoice', () => {
  const change = { method: 'POST', path: '^/v1/invoices/', kind: 'error' };
  const body = { error: { type: 'invalid_request_error', code: 'no_such_thing', message: 'no' } };
  const asks = { hold: holdInvoice, 'write off': writeOff };

  test.each(Object.entries(asks))('%s: a refusal is an answer', async (_, ask) => {
    const invoiceId = await unpaidRenewal('pm_card_visa');
    await control('POST', '/faults', { ...change, status: 400, body });
    expect(await ask(stripe, invoiceId)).toBe('no_such_thing');
    await control('DELETE', '/faults');
    expect(await ask(stripe, invoiceId)).toBeNull();
  });

  test.each(Object.entries(asks))('%s: a refusal of our key is none', async (_, ask) => {
    const invoiceId = await unpaidRenewal('pm_card_visa');
    await control('POST', '/faults', { ...change, status: 401, body });
    await expect(ask(stripe, invoiceId)).rejects.toThrow();
  });

  test.each(Object.entries(asks))('%s: of a void one there is nothing to ask', async (_, ask) => {
    const invoiceId = await unpaidRenewal('pm_card_visa');
    await stripe.invoices.voidInvoice(invoiceId);
    expect(await ask(stripe, invoiceId)).toBeNull();
  });
});

describe('R35: an attempt is one charge', () => {
  const yesterday = () => new Date(Date.now() - 86_400_000).toISOString();
  /** The SDK repeats a request once by itself when its connection breaks. */
  const cut = { ...pay, kind: 'reset', after: true, times: 2 };

  test('also when Stripe has forgotten its key: its charge is looked for', async () => {
    const invoiceId = await unpaidRenewal('pm_card_chargeDeclinedInsufficientFunds');
    const [known] = await failedCharges(invoiceId);
    const begun = { knownFailures: [String(known?.id)], startedAt: yesterday() };
    await control('POST', '/faults', cut);
    await expect(attempt(invoiceId, begun)).rejects.toThrow(StripeUnavailable);
    await control('DELETE', '/idempotency-keys');
    await control('DELETE', '/faults');
    const outcome = await attempt(invoiceId, begun);
    const [, made, ...more] = await failedCharges(invoiceId);
    expect(outcome).toMatchObject({ kind: 'declined', failureId: made?.id });
    expect(more).toEqual([]);
  });

  test('one that was not made before Stripe forgot its key is made', async () => {
    const invoiceId = await unpaidRenewal('pm_card_visa');
    const [known] = await failedCharges(invoiceId);
    const begun = { knownFailures: [String(known?.id)], startedAt: yesterday() };
    expect(await attempt(invoiceId, begun)).toEqual({ kind: 'paid' });
  });

  const stored = { ...pay, kind: 'error', status: 500, stored: true, times: 1 };

  test('R27: one that waits for the customer behind a stored error is not made again', async () => {
    const invoiceId = await unpaidRenewal('pm_card_authenticationRequired');
    const before = await failedCharges(invoiceId);
    await control('POST', '/faults', { ...stored, after: true });
    await expect(attempt(invoiceId)).rejects.toThrow(StripeUnavailable);
    expect(await attempt(invoiceId)).toEqual({ kind: 'confirm' });
    expect(await failedCharges(invoiceId)).toHaveLength(before.length + 1);
  });

  test("R23: behind a stored error, a charge from before the attempt is not the attempt's", async () => {
    const invoiceId = await unpaidRenewal('pm_card_visa');
    await control('POST', '/faults', stored);
    // Declined on the invoice's page, which nobody has told of yet.
    const startedAt = new Date(Date.now() + 120_000).toISOString();
    await expect(attempt(invoiceId, { startedAt })).rejects.toThrow(StripeUnavailable);
    expect(await attempt(invoiceId, { startedAt })).toEqual({ kind: 'key_spent' });
  });
});
