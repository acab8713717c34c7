import { afterEach, describe, expect, test } from 'vitest';
import { postEvent } from '../support/events.js';
import { sharedProduct } from '../support/product.js';
import {
  breakCard,
  customerTeam,
  eventsOf,
  freeTeam,
  planPeriods,
  sent,
  settled,
  subscriber,
  timeline,
} from '../support/stories.js';

const product = sharedProduct({ DUNNING_INTERVALS: '1h,1h' });
afterEach(() => product.control('POST', '/webhooks', { paused: false }));

const onPro = { tier: 'pro', subscriptionStatus: 'active', dunning: null };

/** A customer who has paid for Pro, of which Stripe has delivered nothing yet. */
async function subscribesUnheard(customerId: string, teamId?: string) {
  await product.control('POST', '/webhooks', { paused: true });
  const { id } = await product.stripe.subscriptions.create({
    customer: customerId,
    items: [{ price: 'price_sandbox_pro' }],
    ...(teamId !== undefined && { metadata: { team_id: teamId } }),
    billing_mode: { type: 'flexible' },
  });
  return id;
}

describe('R18: events come in any order', () => {
  test.each([
    ['created, updated, paid', ['created', 'updated', 'paid']],
    ['updated, created, paid', ['updated', 'created', 'paid']],
    ['paid before both', ['paid', 'updated', 'created']],
  ])('%s', async (_, order) => {
    const team = await customerTeam(product);
    const stripeSubscriptionId = await subscribesUnheard(team.customerId, team.teamId);
    await product.stripe.subscriptions.update(stripeSubscriptionId, { metadata: { seats: '3' } });
    const events = await eventsOf(product, team);
    for (const name of order) {
      const event = events.find(({ type }) => type.endsWith(`.${name}`) && !type.startsWith('cha'));
      if (event === undefined) throw new Error(`Stripe told of nothing ${name}`);
      expect(await postEvent(product, JSON.stringify(event))).toMatchObject({ status: 200 });
      await product.until(team.teamId, (body) => {
        expect(body).toMatchObject({ ...onPro, stripeSubscriptionId });
      });
    }
    await product.control('POST', '/webhooks', { paused: false });
    await settled(product, team.teamId);
    expect(await planPeriods(product, team.teamId)).toEqual([{ plan: 'pro', ended: false }]);
    expect((await timeline(product, team.teamId)).map(({ kind }) => kind)).toEqual([
      'subscription_changed',
      'tier_changed',
    ]);
  });

  test('before the team is known: parked for operators to see, and delivered when it appears', async () => {
    const { id: customerId } = await product.stripe.customers.create({
      payment_method: 'pm_card_visa',
      invoice_settings: { default_payment_method: 'pm_card_visa' },
    });
    const teamId = `team_${customerId.slice(-8)}`;
    await subscribesUnheard(customerId, teamId);
    const [created] = (await eventsOf(product, { customerId })).filter(
      ({ type }) => type === 'customer.subscription.created',
    );
    if (created === undefined) throw new Error('Stripe told of no subscription');
    expect(await postEvent(product, JSON.stringify(created))).toMatchObject({ status: 200 });
    const parked = await product.api('GET', '/api/v1/stripe-events?status=parked');
    expect(parked.body.items).toContainEqual(
      expect.objectContaining({ id: created.id, customerId, teamId: null }),
    );

    await product.api('PUT', `/api/v1/teams/${teamId}`, {
      name: 'Acme',
      adminEmail: 'admin@acme.example',
    });
    await product.until(teamId, (body) => {
      expect(body).toMatchObject({ ...onPro, stripeCustomerId: customerId });
    });
    expect((await product.api('GET', '/api/v1/stripe-events?status=parked')).body.items).toEqual(
      [],
    );
  });
});

test('a team that names its customer is right within seconds, though Stripe says nothing', async () => {
  const teamId = await freeTeam(product);
  const { id: stripeCustomerId } = await product.stripe.customers.create({
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  const stripeSubscriptionId = await subscribesUnheard(stripeCustomerId);
  await product.api('PUT', `/api/v1/teams/${teamId}`, {
    name: 'Acme',
    adminEmail: 'admin@acme.example',
    stripeCustomerId,
  });
  await product.until(teamId, (body) => {
    expect(body).toMatchObject({ ...onPro, stripeCustomerId, stripeSubscriptionId });
  });
});

describe('R37: the plan follows the price', () => {
  async function changePrice(subscriptionId: string, price: string, more = {}) {
    const { items } = await product.stripe.subscriptions.retrieve(subscriptionId);
    await product.stripe.subscriptions.update(subscriptionId, {
      items: [{ id: items.data[0]?.id ?? '', price }],
      ...more,
    });
  }

  test('up to Enterprise, then cancelled: the plan is held no more, and the team is on Free', async () => {
    const team = await subscriber(product);
    await changePrice(team.subscriptionId, 'price_sandbox_enterprise');
    await product.until(team.teamId, ({ tier }) => expect(tier).toBe('enterprise'));
    await product.stripe.subscriptions.cancel(team.subscriptionId);
    await product.until(team.teamId, (body) => {
      expect(body).toMatchObject({ tier: 'free', subscriptionStatus: 'canceled', dunning: null });
      expect(body.access).toMatchObject({ ai: 'full', overageAllowed: false, dashboard: 'open' });
    });
    const periods = await planPeriods(product, team.teamId);
    expect(periods.at(-1)).toEqual({ plan: 'enterprise', ended: true });
    expect(periods.every(({ ended }) => ended)).toBe(true);
    await settled(product, team.teamId);
    const [mail, ...others] = await product.mails(team.teamId);
    expect(others).toEqual([]);
    expect(mail).toMatchObject({ tag: 'plan-changed', subject: 'Acme is on the enterprise plan' });
    expect(mail?.metadata['cause']).toContain(`${team.subscriptionId}:enterprise:`);
  });

  test('a price that no plan knows leaves the tier, and is named to operators', async () => {
    const team = await subscriber(product);
    const { id: price } = await product.stripe.prices.create({
      currency: 'idr',
      unit_amount: 100_00,
      recurring: { interval: 'month' },
      product_data: { name: 'Something else' },
    });
    await changePrice(team.subscriptionId, price);
    expect((await settled(product, team.teamId)).attention).toBe('unknown_price');
    expect((await product.api('GET', `/api/v1/teams/${team.teamId}`)).body).toMatchObject(onPro);
    expect(await timeline(product, team.teamId)).toContainEqual(
      expect.objectContaining({
        kind: 'unknown_price',
        details: expect.objectContaining({ priceId: price }),
      }),
    );
  });

  test('R22: the unpaid invoice of an upgrade that is pending has no ladder', async () => {
    const team = await subscriber(product);
    await breakCard(product, team);
    await changePrice(team.subscriptionId, 'price_sandbox_enterprise', {
      proration_behavior: 'always_invoice',
      payment_behavior: 'pending_if_incomplete',
    });
    expect((await settled(product, team.teamId)).ladders).toEqual([]);
    expect((await product.api('GET', `/api/v1/teams/${team.teamId}`)).body).toMatchObject(onPro);
    expect(await sent(product, team.teamId)).toEqual([]);
  });
});

test('R22: an unpaid first payment has no ladder: the subscription is incomplete, the team on Free', async () => {
  const { teamId, customerId } = await customerTeam(product);
  await product.control('POST', `/customers/${customerId}/card`, {
    card: 'pm_card_chargeCustomerFail',
  });
  await product.stripe.subscriptions.create({
    customer: customerId,
    items: [{ price: 'price_sandbox_pro' }],
    payment_behavior: 'allow_incomplete',
    metadata: { team_id: teamId },
  });
  await product.until(teamId, (body) => {
    expect(body).toMatchObject({ tier: 'free', subscriptionStatus: 'incomplete', dunning: null });
  });
  expect((await settled(product, teamId)).ladders).toEqual([]);
  expect(await sent(product, teamId)).toEqual([]);
});

test('a customer with two subscriptions: operators are called', async () => {
  const team = await subscriber(product);
  await product.stripe.subscriptions.create({
    customer: team.customerId,
    items: [{ price: 'price_sandbox_enterprise' }],
    metadata: { team_id: team.teamId },
    billing_mode: { type: 'flexible' },
  });
  expect((await settled(product, team.teamId)).attention).toBe('second_subscription');
  expect((await timeline(product, team.teamId)).at(-1)?.kind).toBe('second_subscription');
});
