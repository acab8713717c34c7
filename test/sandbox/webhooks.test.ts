import type Stripe from 'stripe';
import { describe, expect, test, vi } from 'vitest';
import { startReceiver, startWorld, stateFile, subscribed } from './support/world.js';

const SECRET = 'whsec_sandbox';

describe('webhooks', () => {
  test('signed events tell the story of a subscription and of its failed renewal', async () => {
    const receiver = await startReceiver(SECRET);
    const { stripe, control } = await startWorld({
      webhook: { url: receiver.url, secret: SECRET },
    });
    const { customer, subscription } = await subscribed(stripe);
    const paid = await receiver.waitFor('invoice.paid');
    expect(paid.api_version).toBe('2026-10-28.endive');
    expect(paid.request?.id).toMatch(/^req_/);
    await control('POST', `/customers/${customer.id}/card`, { card: 'pm_card_chargeCustomerFail' });
    await control('POST', `/subscriptions/${subscription.id}/renew`);
    const failed = await receiver.waitFor('invoice.payment_failed');
    expect(failed.data.object).toMatchObject({ attempt_count: 1, status: 'open' });
    await vi.waitFor(async () =>
      expect(await control('GET', '/webhooks')).toMatchObject({ pending: 0 }),
    );
    expect(receiver.types()).toEqual(
      expect.arrayContaining([
        'customer.created',
        'payment_method.attached',
        'customer.subscription.created',
        'invoice.created',
        'invoice.finalized',
        'payment_intent.succeeded',
        'charge.succeeded',
        'invoice.payment_succeeded',
        'customer.updated',
        'customer.subscription.updated',
        'charge.failed',
        'payment_intent.payment_failed',
        'invoice.updated',
      ]),
    );
    const updates = receiver.received
      .map(({ event }) => event)
      .filter((e) => e.type === 'customer.subscription.updated');
    expect(updates.map((e) => e.data.object.status)).toContain('past_due');
  });

  test('those on their way are counted for one customer as well', async () => {
    const { stripe, control } = await startWorld();
    await control('POST', '/webhooks', { paused: true });
    const [one, other] = await Promise.all([subscribed(stripe), subscribed(stripe)]);
    const charges = await stripe.charges.list({ customer: one.customer.id });
    const before = await pendingOf(one.customer.id);
    await control('POST', `/charges/${charges.data[0]?.id}/dispute`);
    const [card] = (await stripe.paymentMethods.list({ customer: one.customer.id })).data;
    await stripe.paymentMethods.detach(card?.id ?? '');
    // Of the dispute two, whose charge names the customer; the card, which names none any more; the customer.
    expect(await pendingOf(one.customer.id)).toBe(before + 4);
    expect(await pendingOf(other.customer.id)).toBe(before);
    expect((await control<{ pending: number }>('GET', '/webhooks')).pending).toBe(2 * before + 4);

    async function pendingOf(customer: string): Promise<number> {
      const state = await control<{ pending: number }>('GET', `/webhooks?customer=${customer}`);
      return state.pending;
    }
  });

  test('an endpoint that fails gets the event again, and each event is its own', async () => {
    let answers = [500, 503];
    const receiver = await startReceiver(SECRET, () => answers.shift() ?? 200);
    const { stripe, control } = await startWorld({
      webhook: { url: receiver.url, secret: SECRET },
    });
    const customer = await stripe.customers.create({});
    const event = await receiver.waitFor('customer.created');
    expect(event.data.object).toMatchObject({ id: customer.id });
    await vi.waitFor(async () => {
      const [newest] = await control<{ delivery: object }[]>('GET', '/events');
      expect(newest?.delivery).toEqual({ attempts: 3, status: 'delivered', lastAnswer: 200 });
    });
    expect((await stripe.events.retrieve(event.id)).pending_webhooks).toBe(0);
    answers = [];
    await control('POST', `/events/${event.id}/resend`);
    await vi.waitFor(() =>
      expect(receiver.types()).toEqual(['customer.created', 'customer.created']),
    );
  });

  test('paused: events wait, and come on resuming, in order', async () => {
    const receiver = await startReceiver(SECRET);
    const { stripe, control } = await startWorld();
    await control('POST', '/webhooks', { url: receiver.url, secret: SECRET, paused: true });
    const { id } = await stripe.customers.create({});
    await stripe.customers.update(id, { name: 'Team' });
    expect(await control('GET', '/webhooks')).toMatchObject({ pending: 2, paused: true });
    expect(receiver.received).toEqual([]);
    await control('POST', '/webhooks', { paused: false });
    await receiver.waitFor('customer.updated');
    const update = receiver.received.find(({ event }) => event.type === 'customer.updated');
    expect(update?.event.data.previous_attributes).toEqual({ name: null });
  });

  test('what was not delivered before a restart is delivered after it', async () => {
    const file = await stateFile();
    const receiver = await startReceiver(SECRET);
    const endpoint = { url: receiver.url, secret: SECRET };
    const first = await startWorld({ file, webhook: endpoint });
    await first.control('POST', '/webhooks', { paused: true });
    await first.stripe.customers.create({});
    await first.sandbox.close();
    await startWorld({ file, webhook: endpoint });
    await receiver.waitFor('customer.created');
  });

  test('the card networks exchange a card by themselves', async () => {
    const receiver = await startReceiver(SECRET);
    const { stripe, control } = await startWorld({
      webhook: { url: receiver.url, secret: SECRET },
    });
    const { customer } = await subscribed(stripe);
    const [card] = (await stripe.paymentMethods.list({ customer: customer.id })).data;
    await control('POST', `/payment-methods/${card?.id}/card`, { card: 'pm_card_mastercard' });
    const event = await receiver.waitFor('payment_method.automatically_updated');
    expect(event.data.object).toMatchObject({ id: card?.id, card: { last4: '4444' } });
  });

  test('a confirmation asked for is told as a failure and as an action', async () => {
    const receiver = await startReceiver(SECRET);
    const { stripe, control } = await startWorld({
      webhook: { url: receiver.url, secret: SECRET },
    });
    const { customer, subscription } = await subscribed(stripe);
    await control('POST', `/customers/${customer.id}/card`, {
      card: 'pm_card_authenticationRequired',
    });
    const invoice = await control<Stripe.Invoice>(
      'POST',
      `/subscriptions/${subscription.id}/renew`,
    );
    const asked = await receiver.waitFor('invoice.payment_action_required');
    expect(asked.data.object).toMatchObject({ id: invoice.id });
    await receiver.waitFor('payment_intent.requires_action');
  });
});
