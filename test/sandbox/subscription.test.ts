import type Stripe from 'stripe';
import { describe, expect, test } from 'vitest';
import { customerWith, refusal, startWorld, stateFile, subscribed } from './support/world.js';

describe('the life of a subscription', () => {
  test('the first invoice is paid at once and found where the pinned version has it', async () => {
    const { stripe } = await startWorld();
    const { customer, subscription } = await subscribed(stripe);
    expect(subscription).toMatchObject({ status: 'active', metadata: { team_id: 'team-1' } });
    const item = subscription.items.data[0];
    expect(item?.price.id).toBe('price_sandbox_pro');
    expect(
      (item?.current_period_end ?? 0) - (item?.current_period_start ?? 0),
    ).toBeGreaterThanOrEqual(28 * 86400);

    const [invoice] = (
      await stripe.invoices.list({ customer: customer.id, expand: ['data.payments'] })
    ).data;
    expect(invoice).toMatchObject({
      billing_reason: 'subscription_create',
      status: 'paid',
      total: 29_900_000,
      attempt_count: 1,
      parent: {
        subscription_details: { subscription: subscription.id, metadata: { team_id: 'team-1' } },
      },
    });
    expect(invoice).not.toHaveProperty('charge');
    const intent = invoice?.payments?.data[0]?.payment.payment_intent as string;
    const charges = await stripe.charges.list({ payment_intent: intent });
    expect(charges.data.map((charge) => charge.status)).toEqual(['succeeded']);
  });

  test('a renewal takes what was pending, and the next one does not take it again', async () => {
    const { stripe, control } = await startWorld();
    const { customer, subscription } = await subscribed(stripe);
    const item = await stripe.invoiceItems.create({
      customer: customer.id,
      subscription: subscription.id,
      amount: 1234,
      currency: 'idr',
      description: 'Overage',
      metadata: { period: '2026-10' },
    });
    const renewed = await control<Stripe.Invoice>(
      'POST',
      `/subscriptions/${subscription.id}/renew`,
    );
    expect(await stripe.invoices.retrieve(renewed.id)).toMatchObject({
      status: 'paid',
      billing_reason: 'subscription_cycle',
      total: 29_901_234,
    });
    expect((await stripe.invoiceItems.retrieve(item.id)).invoice).toBe(renewed.id);
    expect((await stripe.invoiceItems.list({ customer: customer.id, pending: true })).data).toEqual(
      [],
    );
    const again = await control<Stripe.Invoice>('POST', `/subscriptions/${subscription.id}/renew`);
    expect((await stripe.invoices.retrieve(again.id)).total).toBe(29_900_000);
  });

  test('a change of price prorates: on the next invoice, at once, or not at all', async () => {
    const { stripe } = await startWorld();
    const { customer, subscription } = await subscribed(stripe);
    const id = subscription.items.data[0]?.id ?? '';
    await stripe.subscriptions.update(subscription.id, {
      items: [{ id, price: 'price_sandbox_enterprise' }],
      proration_behavior: 'always_invoice',
    });
    const [upgrade] = (await stripe.invoices.list({ subscription: subscription.id })).data;
    expect(upgrade).toMatchObject({ billing_reason: 'subscription_update', status: 'paid' });
    expect(upgrade?.total).toBeGreaterThan(69_999_000);
    expect(upgrade?.total).toBeLessThanOrEqual(70_000_000);

    await stripe.subscriptions.update(subscription.id, {
      items: [{ id, price: 'price_sandbox_pro' }],
      proration_behavior: 'none',
    });
    expect((await stripe.invoiceItems.list({ customer: customer.id, pending: true })).data).toEqual(
      [],
    );
    await stripe.subscriptions.update(subscription.id, {
      items: [{ id, price: 'price_sandbox_enterprise' }],
    });
    const pending = await stripe.invoiceItems.list({ customer: customer.id, pending: true });
    expect(pending.data.map((entry) => Math.sign(entry.amount)).sort()).toEqual([-1, 1]);
  });

  test('an upgrade that is not paid waits as a pending update, and is applied by the payment', async () => {
    const { stripe, control } = await startWorld();
    const { customer, subscription } = await subscribed(stripe);
    await control('POST', `/customers/${customer.id}/card`, { card: 'pm_card_chargeCustomerFail' });
    const id = subscription.items.data[0]?.id ?? '';
    const change: Stripe.SubscriptionUpdateParams = {
      items: [{ id, price: 'price_sandbox_enterprise' }],
      proration_behavior: 'always_invoice',
    };
    const error = await refusal(
      stripe.subscriptions.update(subscription.id, {
        ...change,
        payment_behavior: 'error_if_incomplete',
      }),
    );
    expect(error).toMatchObject({ statusCode: 402, code: 'card_declined' });
    expect((await stripe.invoices.list({ subscription: subscription.id })).data).toHaveLength(1);

    const waiting = await stripe.subscriptions.update(subscription.id, {
      ...change,
      payment_behavior: 'pending_if_incomplete',
    });
    expect(waiting.status).toBe('active');
    expect(waiting.items.data[0]?.price.id).toBe('price_sandbox_pro');
    expect(waiting.pending_update?.subscription_items?.[0]?.price.id).toBe(
      'price_sandbox_enterprise',
    );

    await control('POST', `/customers/${customer.id}/card`, { card: 'pm_card_visa' });
    await stripe.invoices.pay(waiting.latest_invoice as string);
    const applied = await stripe.subscriptions.retrieve(subscription.id);
    expect(applied.pending_update).toBeNull();
    expect(applied.items.data[0]?.price.id).toBe('price_sandbox_enterprise');
  });

  test('cancelled: gone from lists unless all are asked for', async () => {
    const { stripe } = await startWorld();
    const { customer, subscription } = await subscribed(stripe);
    const marked = await stripe.subscriptions.update(subscription.id, {
      cancel_at_period_end: true,
    });
    expect(marked.cancel_at).toBe(marked.items.data[0]?.current_period_end);
    expect((await stripe.subscriptions.cancel(subscription.id)).status).toBe('canceled');
    expect((await stripe.subscriptions.list({ customer: customer.id })).data).toEqual([]);
    expect(
      (await stripe.subscriptions.list({ customer: customer.id, status: 'all' })).data,
    ).toHaveLength(1);
  });

  test('an invoice of its own is drafted, finalised, paid, and once paid refuses', async () => {
    const { stripe } = await startWorld();
    const customer = await customerWith(stripe, 'pm_card_visa');
    await stripe.invoiceItems.create({ customer: customer.id, amount: 5_000_000, currency: 'idr' });
    const draft = await stripe.invoices.create({
      customer: customer.id,
      pending_invoice_items_behavior: 'include',
    });
    expect(draft).toMatchObject({ status: 'draft', total: 5_000_000 });
    expect(await stripe.invoices.finalizeInvoice(draft.id)).toMatchObject({ status: 'open' });
    expect(await stripe.invoices.pay(draft.id)).toMatchObject({ status: 'paid', attempt_count: 1 });
    expect(await refusal(stripe.invoices.pay(draft.id))).toMatchObject({
      statusCode: 400,
      code: 'invoice_already_paid',
    });
  });

  test('a preview shows the next invoice and changes nothing', async () => {
    const { stripe } = await startWorld();
    const { customer, subscription } = await subscribed(stripe);
    await stripe.invoiceItems.create({ customer: customer.id, amount: 100, currency: 'idr' });
    const preview = await stripe.invoices.createPreview({ subscription: subscription.id });
    expect(preview.total).toBe(29_900_100);
    expect((await stripe.invoices.list({ customer: customer.id })).data).toHaveLength(1);
  });

  test('a long list is walked by cursors, newest first', async () => {
    const { stripe } = await startWorld();
    const customer = await stripe.customers.create({});
    for (const amount of [1, 2, 3, 4, 5])
      await stripe.invoiceItems.create({ customer: customer.id, amount, currency: 'idr' });
    const amounts: number[] = [];
    for await (const item of stripe.invoiceItems.list({ customer: customer.id, limit: 2 }))
      amounts.push(item.amount);
    expect(amounts).toEqual([5, 4, 3, 2, 1]);
    const page = await stripe.invoiceItems.list({ customer: customer.id, limit: 2 });
    expect(page.has_more).toBe(true);
    const back = await stripe.invoiceItems.list({
      customer: customer.id,
      limit: 1,
      ending_before: page.data[1]?.id ?? '',
    });
    expect(back.data[0]?.id).toBe(page.data[0]?.id);
  });

  test('what Stripe would refuse is refused in its words', async () => {
    const { stripe, sandbox } = await startWorld();
    expect(await refusal(stripe.customers.retrieve('cus_none'))).toMatchObject({
      statusCode: 404,
      code: 'resource_missing',
      message: "No such customer: 'cus_none'",
    });
    const odd = { colour: 'red' } as Stripe.CustomerCreateParams;
    expect(await refusal(stripe.customers.create(odd))).toMatchObject({
      statusCode: 400,
      code: 'parameter_unknown',
      param: 'colour',
    });
    expect(await refusal(stripe.subscriptions.create({ customer: 'cus_none' }))).toMatchObject({
      code: 'parameter_missing',
      param: 'items',
    });
    const customer = await stripe.customers.create({});
    expect(
      await refusal(
        stripe.subscriptions.create({
          customer: customer.id,
          items: [{ price: 'price_sandbox_pro' }],
        }),
      ),
    ).toMatchObject({ statusCode: 400, code: 'resource_missing' });
    expect(await refusal(stripe.customers.list({ expand: ['data.colour'] }))).toMatchObject({
      statusCode: 400,
    });
    expect((await fetch(`${sandbox.url}/v1/customers`)).status).toBe(401);
    const unknown = await fetch(`${sandbox.url}/v1/nothing`, {
      headers: { authorization: 'Bearer k' },
    });
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
  });

  test('everything is still there after a restart on the same file', async () => {
    const file = await stateFile();
    const first = await startWorld({ file });
    const { subscription } = await subscribed(first.stripe);
    const second = await startWorld({ file });
    expect(await second.stripe.subscriptions.retrieve(subscription.id)).toMatchObject({
      status: 'active',
    });
  });
});
