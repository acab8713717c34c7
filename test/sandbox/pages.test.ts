import type Stripe from 'stripe';
import { describe, expect, test } from 'vitest';
import { startReceiver, startWorld, subscribed } from './support/world.js';

function submit(url: string, fields: Record<string, string>): Promise<Response> {
  return fetch(url, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
}

describe('the pages that a customer meets', () => {
  test('checkout: a declined card says so, another one subscribes and leads back', async () => {
    const receiver = await startReceiver('whsec');
    const { stripe } = await startWorld({ webhook: { url: receiver.url, secret: 'whsec' } });
    const session = await stripe.checkout.sessions.create({
      mode: 'subscription',
      line_items: [{ price: 'price_sandbox_pro', quantity: 1 }],
      success_url: 'http://app.test/done?session={CHECKOUT_SESSION_ID}',
      cancel_url: 'http://app.test/back',
      client_reference_id: 'team-1',
      customer_email: 'admin@team.test',
      subscription_data: { metadata: { team_id: 'team-1' } },
    });
    const url = session.url ?? '';
    expect(await (await fetch(url)).text()).toContain('pm_card_visa');
    const declined = await submit(url, { card: 'pm_card_chargeCustomerFail' });
    expect(await declined.text()).toContain('Your card was declined.');
    expect((await stripe.subscriptions.list({ status: 'all' })).data).toEqual([]);

    const done = await submit(url, { card: 'pm_card_visa' });
    expect(done.headers.get('location')).toBe(`http://app.test/done?session=${session.id}`);
    const completed = (await receiver.waitFor('checkout.session.completed')).data
      .object as Stripe.Checkout.Session;
    expect(completed).toMatchObject({
      client_reference_id: 'team-1',
      status: 'complete',
      payment_status: 'paid',
    });
    const subscription = await stripe.subscriptions.retrieve(completed.subscription as string, {
      expand: ['default_payment_method', 'customer'],
    });
    expect(subscription).toMatchObject({
      status: 'active',
      metadata: { team_id: 'team-1' },
      default_payment_method: { card: { last4: '4242' } },
      customer: { email: 'admin@team.test' },
    });
  });

  test('checkout asks the bank when the card wants it', async () => {
    const { stripe } = await startWorld();
    const { url } = await stripe.checkout.sessions.create({
      mode: 'subscription',
      line_items: [{ price: 'price_sandbox_pro', quantity: 1 }],
      success_url: 'http://app.test/done',
      customer_email: 'admin@team.test',
    });
    const card = 'pm_card_authenticationRequired';
    expect(await (await submit(url ?? '', { card })).text()).toContain('Confirm');
    expect((await submit(url ?? '', { card, confirmed: 'false' })).status).toBe(402);
    expect((await submit(url ?? '', { card, confirmed: 'true' })).status).toBe(303);
  });

  test('an invoice is paid on its own page', async () => {
    const { stripe, control } = await startWorld();
    const { customer, subscription } = await subscribed(stripe);
    await control('POST', `/customers/${customer.id}/card`, { card: 'pm_card_chargeCustomerFail' });
    const { id } = await control<Stripe.Invoice>('POST', `/subscriptions/${subscription.id}/renew`);
    const { hosted_invoice_url } = await stripe.invoices.retrieve(id);
    const declined = await submit(hosted_invoice_url ?? '', { card: 'pm_card_chargeDeclined' });
    expect(await declined.text()).toContain('Your card was declined.');
    expect((await submit(hosted_invoice_url ?? '', { card: 'pm_card_visa' })).status).toBe(200);
    expect((await stripe.invoices.retrieve(id)).status).toBe('paid');
  });

  test('the portal changes the card and cancels', async () => {
    const { stripe } = await startWorld();
    const { customer, subscription } = await subscribed(stripe);
    const { url } = await stripe.billingPortal.sessions.create({
      customer: customer.id,
      return_url: 'http://app.test/billing',
    });
    await submit(url, { action: 'card', card: 'pm_card_mastercard' });
    const changed = await stripe.customers.retrieve(customer.id, {
      expand: ['invoice_settings.default_payment_method'],
    });
    expect(changed).toMatchObject({
      invoice_settings: { default_payment_method: { card: { last4: '4444' } } },
    });
    await submit(url, { action: 'cancel', subscription: subscription.id });
    expect((await stripe.subscriptions.retrieve(subscription.id)).cancel_at_period_end).toBe(true);
  });

  test('the portal changes the plan: at once, or when the period ends, which can be undone', async () => {
    const { stripe } = await startWorld();
    const { customer, subscription } = await subscribed(stripe);
    const { url } = await stripe.billingPortal.sessions.create({ customer: customer.id });
    const press = async (action: string, price = '') =>
      (await submit(url, { action, price, subscription: subscription.id })).text();
    const read = () => stripe.subscriptions.retrieve(subscription.id, { expand: ['schedule'] });

    await press('change-now', 'price_sandbox_enterprise');
    expect((await read()).items.data[0]?.price.id).toBe('price_sandbox_enterprise');
    expect((await stripe.invoices.list({ customer: customer.id })).data).toHaveLength(2);

    expect(await press('change-later', 'price_sandbox_pro')).toContain('becomes Pro');
    const end = subscription.items.data[0]?.current_period_end;
    expect(await read()).toMatchObject({
      items: { data: [{ price: { id: 'price_sandbox_enterprise' } }] },
      schedule: {
        status: 'active',
        phases: [{ end_date: end }, { start_date: end, items: [{ price: 'price_sandbox_pro' }] }],
      },
    });
    expect(await press('keep-plan')).not.toContain('becomes Pro');
    expect((await read()).schedule).toBeNull();
    await press('change-later', 'price_sandbox_pro');
    expect(await press('cancel')).toContain('Keep it');
    expect(await read()).toMatchObject({ schedule: null, cancel_at_period_end: true });
  });

  test('the portal changes no plan whose difference is not paid, and none of somebody else', async () => {
    const { stripe, control } = await startWorld();
    const { customer, subscription } = await subscribed(stripe);
    const other = await subscribed(stripe);
    await control('POST', `/customers/${customer.id}/card`, { card: 'pm_card_chargeCustomerFail' });
    const { url } = await stripe.billingPortal.sessions.create({ customer: customer.id });
    const change = { action: 'change-now', price: 'price_sandbox_enterprise' };
    const declined = await submit(url, { ...change, subscription: subscription.id });
    expect(await declined.text()).toContain('Your card was declined.');
    await submit(url, { ...change, subscription: other.subscription.id });
    for (const { id } of [subscription, other.subscription])
      expect((await stripe.subscriptions.retrieve(id)).items.data[0]?.price.id).toBe(
        'price_sandbox_pro',
      );
  });

  test('the overview shows what is scheduled, refunded and disputed, with buttons for each', async () => {
    const { stripe, sandbox } = await startWorld();
    const { customer, subscription } = await subscribed(stripe);
    const [charge] = (await stripe.charges.list({ customer: customer.id })).data;
    const { url } = await stripe.billingPortal.sessions.create({ customer: customer.id });
    const price = 'price_sandbox_enterprise';
    await submit(url, { action: 'change-later', price, subscription: subscription.id });
    const overview = async () => (await fetch(sandbox.url)).text();
    const press = (path: string, fields: Record<string, string> = {}) =>
      submit(`${sandbox.url}/sandbox${path}`, fields);
    const { schedule } = await stripe.subscriptions.retrieve(subscription.id);
    expect(await overview()).toContain(`/sandbox/schedules/${schedule}/release`);
    await press(`/schedules/${schedule}/release`);
    expect(await overview()).not.toContain(String(schedule));

    await press(`/charges/${charge?.id}/dispute`);
    const [dispute] = (await stripe.disputes.list({ charge: charge?.id ?? '' })).data;
    expect(await overview()).toContain(`/sandbox/disputes/${dispute?.id}/close`);
    await press(`/disputes/${dispute?.id}/close`, { status: 'won' });
    expect(await overview()).toContain(`/sandbox/charges/${charge?.id}/refund`);
    await press(`/charges/${charge?.id}/refund`);
    expect(await overview()).not.toContain(`/sandbox/charges/${charge?.id}/refund`);
    expect((await stripe.charges.retrieve(charge?.id ?? '')).refunded).toBe(true);
  });

  test('the overview renews at the press of a button', async () => {
    const { stripe, sandbox } = await startWorld();
    const { subscription } = await subscribed(stripe);
    expect(await (await fetch(sandbox.url)).text()).toContain(subscription.id);
    const pressed = await fetch(`${sandbox.url}/sandbox/subscriptions/${subscription.id}/renew`, {
      method: 'POST',
      headers: { accept: 'text/html' },
      redirect: 'manual',
    });
    expect(pressed.status).toBe(303);
    expect((await stripe.invoices.list({ subscription: subscription.id })).data).toHaveLength(2);
  });
});
