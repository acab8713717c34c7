import type Stripe from 'stripe';
import { describe, expect, test } from 'vitest';
import { customerWith, refusal, startWorld, subscribed, type World } from './support/world.js';

async function renewedWith(
  card: string,
): Promise<World & { customer: Stripe.Customer; invoiceId: string; subscriptionId: string }> {
  const world = await startWorld();
  const { customer, subscription } = await subscribed(world.stripe);
  await world.control('POST', `/customers/${customer.id}/card`, { card });
  const { id } = await world.control<Stripe.Invoice>(
    'POST',
    `/subscriptions/${subscription.id}/renew`,
  );
  return { ...world, customer, invoiceId: id, subscriptionId: subscription.id };
}

async function chargesOf(stripe: Stripe, invoiceId: string): Promise<Stripe.Charge[]> {
  const payments = await stripe.invoicePayments.list({ invoice: invoiceId });
  const intent = payments.data[0]?.payment.payment_intent as string;
  return (await stripe.charges.list({ payment_intent: intent })).data;
}

describe('payments that fail', () => {
  test('a declined renewal is past due, has a failed charge, and will be tried again', async () => {
    const { stripe, invoiceId, subscriptionId } = await renewedWith('pm_card_chargeCustomerFail');
    const invoice = await stripe.invoices.retrieve(invoiceId);
    expect(invoice).toMatchObject({
      status: 'open',
      attempted: true,
      attempt_count: 1,
      auto_advance: true,
    });
    expect((invoice.next_payment_attempt ?? 0) - invoice.created).toBeGreaterThanOrEqual(3 * 86400);
    expect((await stripe.subscriptions.retrieve(subscriptionId)).status).toBe('past_due');
    expect(await chargesOf(stripe, invoiceId)).toMatchObject([
      { status: 'failed', failure_code: 'card_declined' },
    ]);
  });

  test("each manual try is a charge of one intent, and none of Stripe's counted attempts", async () => {
    const { stripe, invoiceId, customer } = await renewedWith(
      'pm_card_chargeDeclinedInsufficientFunds',
    );
    const error = await refusal(stripe.invoices.pay(invoiceId));
    expect(error).toMatchObject({
      type: 'StripeCardError',
      statusCode: 402,
      code: 'card_declined',
      decline_code: 'insufficient_funds',
    });
    const charges = await chargesOf(stripe, invoiceId);
    expect(charges).toHaveLength(2);
    expect(error.charge).toBe(charges[0]?.id);
    expect(error.payment_intent).toMatchObject({ status: 'requires_payment_method' });
    expect((await stripe.invoices.retrieve(invoiceId)).attempt_count).toBe(1);

    const card = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
    const paid = await stripe.invoices.pay(invoiceId, { payment_method: card.id });
    expect(paid).toMatchObject({ status: 'paid', amount_remaining: 0, next_payment_attempt: null });
    expect((await chargesOf(stripe, invoiceId))[0]?.status).toBe('succeeded');
  });

  test('any first try counts as an attempt, and the retries are reckoned from it', async () => {
    const { stripe } = await startWorld();
    const customer = await customerWith(stripe, 'pm_card_chargeCustomerFail');
    await stripe.invoiceItems.create({ customer: customer.id, amount: 5_000_000, currency: 'idr' });
    const { id } = await stripe.invoices.create({
      customer: customer.id,
      pending_invoice_items_behavior: 'include',
      auto_advance: true,
    });
    await stripe.invoices.finalizeInvoice(id);
    for (const _ of [1, 2]) {
      expect(await refusal(stripe.invoices.pay(id))).toMatchObject({ code: 'card_declined' });
      const { attempt_count, next_payment_attempt, created } = await stripe.invoices.retrieve(id);
      expect(attempt_count).toBe(1);
      expect((next_payment_attempt ?? 0) - created).toBeGreaterThanOrEqual(3 * 86400);
    }
  });

  test('paying brings the subscription back; so do voiding and writing off', async () => {
    for (const settle of ['pay', 'voidInvoice', 'markUncollectible'] as const) {
      const { stripe, control, customer, invoiceId, subscriptionId } = await renewedWith(
        'pm_card_chargeCustomerFail',
      );
      await control('POST', `/customers/${customer.id}/card`, { card: 'pm_card_visa' });
      await stripe.invoices[settle](invoiceId);
      expect((await stripe.subscriptions.retrieve(subscriptionId)).status).toBe('active');
    }
  });

  test('a void invoice can not be paid, one written off can', async () => {
    const { stripe, control, customer, invoiceId } = await renewedWith(
      'pm_card_chargeCustomerFail',
    );
    await control('POST', `/customers/${customer.id}/card`, { card: 'pm_card_visa' });
    await stripe.invoices.markUncollectible(invoiceId);
    expect((await stripe.invoices.pay(invoiceId)).status).toBe('paid');

    const other = await renewedWith('pm_card_chargeCustomerFail');
    await other.stripe.invoices.voidInvoice(other.invoiceId);
    expect(await refusal(other.stripe.invoices.pay(other.invoiceId))).toMatchObject({
      statusCode: 400,
    });
  });

  test('without any card there is no charge and no card error', async () => {
    const { stripe, control } = await startWorld();
    const { customer, subscription } = await subscribed(stripe);
    const [card] = (await stripe.paymentMethods.list({ customer: customer.id })).data;
    await stripe.paymentMethods.detach(card?.id ?? '');
    const { id } = await control<Stripe.Invoice>('POST', `/subscriptions/${subscription.id}/renew`);
    expect(await refusal(stripe.invoices.pay(id))).toMatchObject({
      type: 'StripeInvalidRequestError',
      statusCode: 400,
      message: expect.stringContaining('default_payment_method'),
    });
    expect(await chargesOf(stripe, id)).toEqual([]);
    expect((await stripe.invoices.retrieve(id)).attempt_count).toBe(1);
  });

  test('cards that Stripe declines on sight can not be attached, one that fails later can', async () => {
    const { stripe } = await startWorld();
    const { id: customer } = await stripe.customers.create({});
    expect(
      await refusal(stripe.paymentMethods.attach('pm_card_chargeDeclined', { customer })),
    ).toMatchObject({
      statusCode: 402,
      code: 'card_declined',
    });
    const card = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer });
    expect(card).toMatchObject({ customer, card: { last4: '0341' } });
    expect(card.id).not.toBe('pm_card_chargeCustomerFail');
  });

  test('a card gets a new date, which is told of; one that nobody has gets none', async () => {
    const { stripe } = await startWorld();
    const customer = await customerWith(stripe, 'pm_card_visa');
    const [card] = (await stripe.paymentMethods.list({ customer: customer.id })).data;
    const id = card?.id ?? '';
    const exp_year = new Date().getUTCFullYear() + 9;
    const changed = await stripe.paymentMethods.update(id, {
      card: { exp_month: 7, exp_year },
      billing_details: { name: 'Sari' },
      metadata: { note: 'renewed' },
    });
    expect(changed).toMatchObject({
      billing_details: { name: 'Sari' },
      card: { exp_month: 7, exp_year, last4: '4242' },
      metadata: { note: 'renewed' },
    });
    expect((await stripe.events.list({ type: 'payment_method.updated' })).data).toMatchObject([
      { data: { object: { id, card: { exp_year } } } },
    ]);
    expect(
      await refusal(stripe.paymentMethods.update(id, { card: { exp_year: 2020 } })),
    ).toMatchObject({ statusCode: 402, code: 'invalid_expiry_year' });
    await stripe.paymentMethods.detach(id);
    expect(await refusal(stripe.paymentMethods.update(id, { metadata: {} }))).toMatchObject({
      statusCode: 400,
    });
  });

  test('a first payment that fails leaves the subscription incomplete, or not there', async () => {
    const { stripe } = await startWorld();
    const customer = await customerWith(stripe, 'pm_card_chargeCustomerFail');
    const wish = { customer: customer.id, items: [{ price: 'price_sandbox_pro' }] };
    expect(
      await refusal(
        stripe.subscriptions.create({ ...wish, payment_behavior: 'error_if_incomplete' }),
      ),
    ).toMatchObject({ statusCode: 402 });
    expect(
      (await stripe.subscriptions.list({ customer: customer.id, status: 'all' })).data,
    ).toEqual([]);
    const incomplete = await stripe.subscriptions.create(wish);
    expect(incomplete.status).toBe('incomplete');
    const later = await stripe.subscriptions.create({
      ...wish,
      payment_behavior: 'default_incomplete',
    });
    const first = await stripe.invoices.retrieve(later.latest_invoice as string, {
      expand: ['confirmation_secret', 'payments.data.payment.payment_intent'],
    });
    expect(first.confirmation_secret?.client_secret).toMatch(/^pi_.*_secret_/);
    expect(first.payments?.data[0]?.payment.payment_intent).toMatchObject({
      object: 'payment_intent',
    });
  });

  test('a first payment that the bank asks about makes the subscription active when confirmed', async () => {
    const { stripe, control } = await startWorld();
    const customer = await customerWith(stripe, 'pm_card_authenticationRequired');
    const { id, status, latest_invoice } = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: 'price_sandbox_pro' }],
    });
    expect(status).toBe('incomplete');
    await control('POST', `/invoices/${latest_invoice}/confirm`, { succeed: true });
    expect((await stripe.subscriptions.retrieve(id)).status).toBe('active');
  });

  test('3-D Secure: the payment waits for the customer, who agrees or refuses', async () => {
    const { stripe, control, invoiceId, subscriptionId } = await renewedWith(
      'pm_card_authenticationRequired',
    );
    const error = await refusal(stripe.invoices.pay(invoiceId));
    expect(error).toMatchObject({
      statusCode: 402,
      code: 'invoice_payment_intent_requires_action',
    });
    expect(error.payment_intent).toMatchObject({ status: 'requires_action' });
    const unconfirmed = { status: 'failed', failure_code: 'authentication_required' };
    expect(await chargesOf(stripe, invoiceId)).toMatchObject([unconfirmed, unconfirmed]);

    await control('POST', `/invoices/${invoiceId}/confirm`, { succeed: false });
    expect(await stripe.paymentIntents.retrieve(error.payment_intent?.id ?? '')).toMatchObject({
      status: 'requires_payment_method',
      last_payment_error: { code: 'payment_intent_authentication_failure' },
    });
    await refusal(stripe.invoices.pay(invoiceId));
    await control('POST', `/invoices/${invoiceId}/confirm`, { succeed: true });
    expect((await stripe.invoices.retrieve(invoiceId)).status).toBe('paid');
    expect((await stripe.subscriptions.retrieve(subscriptionId)).status).toBe('active');
  });

  test('money that came by another way settles the invoice', async () => {
    const { stripe, invoiceId } = await renewedWith('pm_card_chargeCustomerFail');
    expect(await stripe.invoices.pay(invoiceId, { paid_out_of_band: true })).toMatchObject({
      status: 'paid',
      amount_paid_off_stripe: 29_900_000,
    });
  });
});
