import type Stripe from 'stripe';
import { describe, expect, test, vi } from 'vitest';
import { refusal, startWorld, stateFile, stripeClient, subscribed } from './support/world.js';

describe('idempotency keys', () => {
  test('the same key gives the same answer, marked as replayed, and does nothing again', async () => {
    const { stripe } = await startWorld();
    const first = await stripe.customers.create({ email: 'a@b.test' }, { idempotencyKey: 'k1' });
    const second = await stripe.customers.create({ email: 'a@b.test' }, { idempotencyKey: 'k1' });
    expect(second.id).toBe(first.id);
    expect(second.lastResponse.headers['idempotent-replayed']).toBe('true');
    expect(second.lastResponse.requestId).toBe(first.lastResponse.requestId);
    expect((await stripe.customers.list()).data).toHaveLength(1);
  });

  test('other parameters under the same key are an error', async () => {
    const { stripe } = await startWorld();
    await stripe.customers.create({ email: 'a@b.test' }, { idempotencyKey: 'k1' });
    const error = await refusal(
      stripe.customers.create({ email: 'c@d.test' }, { idempotencyKey: 'k1' }),
    );
    expect(error).toMatchObject({ type: 'StripeIdempotencyError', statusCode: 400 });
  });

  test('a decline is replayed too, even when the card is another one by now', async () => {
    const { stripe, control } = await startWorld();
    const { customer, subscription } = await subscribed(stripe);
    await control('POST', `/customers/${customer.id}/card`, { card: 'pm_card_chargeCustomerFail' });
    const { id } = await control<Stripe.Invoice>('POST', `/subscriptions/${subscription.id}/renew`);
    const first = await refusal(stripe.invoices.pay(id, {}, { idempotencyKey: 'attempt-1' }));
    await control('POST', `/customers/${customer.id}/card`, { card: 'pm_card_visa' });
    const second = await refusal(stripe.invoices.pay(id, {}, { idempotencyKey: 'attempt-1' }));
    expect(second.charge).toBe(first.charge);
    expect((await stripe.invoices.pay(id, {}, { idempotencyKey: 'attempt-2' })).status).toBe(
      'paid',
    );
  });

  test('a stored 500 comes back until the keys are forgotten', async () => {
    const { stripe, control } = await startWorld();
    await control('POST', '/faults', {
      path: '^/v1/customers',
      kind: 'error',
      times: 1,
      stored: true,
    });
    expect(await refusal(stripe.customers.create({}, { idempotencyKey: 'k' }))).toMatchObject({
      statusCode: 500,
    });
    const again = await refusal(stripe.customers.create({}, { idempotencyKey: 'k' }));
    expect(again).toMatchObject({ statusCode: 500, headers: { 'idempotent-replayed': 'true' } });
    await control('DELETE', '/idempotency-keys');
    expect((await stripe.customers.create({}, { idempotencyKey: 'k' })).id).toMatch(/^cus_/);
  });

  test('a stored 500 may hide an effect, which a look finds', async () => {
    const { stripe, control } = await startWorld();
    const fault = { path: '^/v1/customers', kind: 'error', times: 1, stored: true, after: true };
    await control('POST', '/faults', fault);
    await refusal(stripe.customers.create({ name: 'Team' }, { idempotencyKey: 'k' }));
    await refusal(stripe.customers.create({ name: 'Team' }, { idempotencyKey: 'k' }));
    expect((await stripe.customers.list()).data.map(({ name }) => name)).toEqual(['Team']);
  });

  test('a refusal of the parameters is not kept', async () => {
    const { stripe } = await startWorld();
    const odd = { colour: 'red' } as Stripe.CustomerCreateParams;
    await refusal(stripe.customers.create(odd, { idempotencyKey: 'k' }));
    expect((await stripe.customers.create({}, { idempotencyKey: 'k' })).id).toMatch(/^cus_/);
  });

  test('a key whose request still hangs is in use', async () => {
    const { stripe, sandbox, control } = await startWorld();
    await control('POST', '/faults', { path: '^/v1/customers', kind: 'timeout', times: 1 });
    const impatient = stripeClient(sandbox, { timeout: 300 });
    const hanging = refusal(impatient.customers.create({}, { idempotencyKey: 'k' }));
    await vi.waitFor(async () =>
      expect(await control('GET', '/requests?path=customers')).toHaveLength(1),
    );
    expect(await refusal(stripe.customers.create({}, { idempotencyKey: 'k' }))).toMatchObject({
      statusCode: 409,
      code: 'idempotency_key_in_use',
    });
    expect(await hanging).toMatchObject({ type: 'StripeConnectionError' });
  });

  test('keys outlive a restart', async () => {
    const file = await stateFile();
    const { stripe } = await startWorld({ file });
    const first = await stripe.customers.create({}, { idempotencyKey: 'k' });
    const restarted = await startWorld({ file });
    expect((await restarted.stripe.customers.create({}, { idempotencyKey: 'k' })).id).toBe(
      first.id,
    );
  });
});
