import { expect, test } from 'vitest';
import { listed, postEvent } from '../support/events.js';
import { sharedProduct } from '../support/product.js';
import {
  attempts,
  eventsOf,
  fixCard,
  sent,
  settled,
  subscriber,
  timeline,
  unpaid,
} from '../support/stories.js';

const product = sharedProduct({ DUNNING_INTERVALS: '1ms,1ms' });

test('R16, R17: every event three times more, in reverse, changes nothing', async () => {
  const team = await unpaid(product, 3);
  const look = async () => ({
    state: { ...(await settled(product, team.teamId)), turn: 0 },
    team: (await product.api('GET', `/api/v1/teams/${team.teamId}`)).body,
    mails: await sent(product, team.teamId),
    attempts: await attempts(product, team.invoiceId),
    timeline: await timeline(product, team.teamId),
  });
  async function deliverAllAgain() {
    const events = (await eventsOf(product, team)).toReversed();
    for (const event of [...events, ...events, ...events]) {
      expect(await postEvent(product, JSON.stringify(event))).toMatchObject({ status: 200 });
    }
    for (const { id } of events) await product.control('POST', `/events/${id}/resend`);
  }

  const locked = await look();
  await deliverAllAgain();
  expect(await look()).toEqual(locked);

  await fixCard(product, team);
  await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
  const recovered = await look();
  await deliverAllAgain();
  expect(await look()).toEqual(recovered);
  expect(recovered.mails).toEqual([
    'payment-warning',
    'payment-critical',
    'account-locked',
    'payment-recovered',
  ]);
  // Two of the timers, one with the new card.
  expect(recovered.attempts).toHaveLength(3);
});

test('R16: a burst of events of a team is one reading, and each object is fetched once', async () => {
  const team = await subscriber(product);
  const events = await eventsOf(product, team);
  await product.stopWorker();
  for (const event of events) {
    for (const copy of [1, 2, 3]) {
      await postEvent(product, JSON.stringify({ ...event, id: `${event.id}_${copy}` }));
    }
  }
  await expect.poll(() => listed(product, 'waiting')).toEqual([]);
  await product.control('DELETE', '/requests');
  await product.startWorker();
  await settled(product, team.teamId);
  const requests = await product.control<{ method: string; path: string }[]>('GET', '/requests');
  const fetched = requests.map(({ method, path }) => `${method} ${path}`);
  expect(fetched).toContain('GET /v1/subscriptions');
  // Once for all that waited; once more where the first of them were taken by themselves.
  const counts = Map.groupBy(fetched, (request) => request);
  for (const [request, times] of counts) {
    expect(times.length, request).toBeLessThanOrEqual(2);
  }
});

test('R16: all events of a life at once, in reverse, lead to what is true now', async () => {
  await product.control('POST', '/webhooks', { paused: true });
  const customer = await product.stripe.customers.create({
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  const teamId = `team_${customer.id.slice(-8)}`;
  const { id } = await product.stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: 'price_sandbox_pro' }],
    metadata: { team_id: teamId },
  });
  await product.control('POST', `/customers/${customer.id}/card`, {
    card: 'pm_card_chargeCustomerFail',
  });
  await product.control('POST', `/subscriptions/${id}/renew`);
  await product.control('POST', `/customers/${customer.id}/card`, { card: 'pm_card_visa' });
  const { data } = await product.stripe.invoices.list({ customer: customer.id, status: 'open' });
  for (const invoice of data) await product.stripe.invoices.pay(invoice.id);

  for (const event of (await eventsOf(product, { customerId: customer.id })).toReversed()) {
    expect(await postEvent(product, JSON.stringify(event))).toMatchObject({ status: 200 });
  }
  await product.api('PUT', `/api/v1/teams/${teamId}`, {
    name: 'Acme',
    adminEmail: 'admin@acme.example',
  });
  await product.control('POST', '/webhooks', { paused: false });
  await product.until(teamId, (team) => {
    expect(team).toMatchObject({ tier: 'pro', subscriptionStatus: 'active', dunning: null });
  });
  expect((await settled(product, teamId)).ladders).toEqual([]);
  expect(await sent(product, teamId)).toEqual([]);
});
