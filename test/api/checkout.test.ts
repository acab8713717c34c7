import { expect, test } from 'vitest';
import { sharedProduct } from '../support/product.js';
import { send } from '../support/send.js';
import { customerTeam, freeTeam, subscriber } from '../support/stories.js';

const urls = {
  successUrl: 'https://host.example/done?session={CHECKOUT_SESSION_ID}',
  cancelUrl: 'http://localhost:4000/plans',
};

const product = sharedProduct();

const checkout = (teamId: string, body: object = { plan: 'pro', ...urls }) =>
  product.api('POST', `/api/v1/teams/${teamId}/checkout`, body);

const portal = (teamId: string, body?: object) =>
  product.api('POST', `/api/v1/teams/${teamId}/portal`, body);

/** What an admin does in the browser. */
const submit = (url: string, fields: Record<string, string>) =>
  fetch(url, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });

const sessions = async () => (await product.stripe.checkout.sessions.list({ limit: 100 })).data;

test('a team that Stripe does not know subscribes on the page, and is on its plan (R18)', async () => {
  const teamId = await freeTeam(product);
  const { status, body } = await checkout(teamId);
  expect(status).toBe(200);
  expect(body).toEqual({ url: expect.stringMatching(/^http/) });
  expect(await (await fetch(body.url)).text()).toContain(`${teamId}@admin.example`);

  const paid = await submit(body.url, { card: 'pm_card_visa' });
  expect(paid.headers.get('location')).toMatch(/^https:\/\/host\.example\/done\?session=cs_/);
  await product.until(teamId, (team) => {
    expect(team).toMatchObject({
      tier: 'pro',
      subscriptionStatus: 'active',
      stripeCustomerId: expect.stringMatching(/^cus_/),
      access: { ai: 'full', overageAllowed: true },
    });
  });

  const [session] = await sessions();
  expect(session).toMatchObject({ client_reference_id: teamId, metadata: { team_id: teamId } });
  const subscription = await product.stripe.subscriptions.retrieve(String(session?.subscription));
  expect(subscription).toMatchObject({
    metadata: { team_id: teamId },
    billing_mode: { type: 'flexible' },
  });
});

test('a team with a customer buys as that customer, the plan that it chose', async () => {
  const { teamId, customerId } = await customerTeam(product);
  const { body } = await checkout(teamId, { plan: 'enterprise', ...urls });
  expect(await sessions()).toContainEqual(expect.objectContaining({ customer: customerId }));
  await submit(body.url, { card: 'pm_card_visa' });
  await product.until(teamId, (team) => {
    expect(team).toMatchObject({ tier: 'enterprise', stripeCustomerId: customerId });
  });
});

test('a subscribed team can not subscribe again, also before its webhooks arrive', async () => {
  const { teamId } = await subscriber(product);
  expect(await checkout(teamId)).toMatchObject({
    status: 409,
    body: { code: 'already_subscribed' },
  });

  const { teamId: early, customerId } = await customerTeam(product);
  await product.control('POST', '/webhooks', { paused: true });
  await product.stripe.subscriptions.create({
    customer: customerId,
    items: [{ price: 'price_sandbox_pro' }],
  });
  expect(await checkout(early)).toMatchObject({
    status: 409,
    body: { code: 'already_subscribed' },
  });
  await product.control('POST', '/webhooks', { paused: false });
});

test('a team whose subscription has ended subscribes again', async () => {
  const { teamId, subscriptionId } = await subscriber(product);
  await product.stripe.subscriptions.cancel(subscriptionId);
  await product.until(teamId, ({ tier }) => expect(tier).toBe('free'));
  const { body } = await checkout(teamId);
  await submit(body.url, { card: 'pm_card_visa' });
  await product.until(teamId, ({ tier }) => expect(tier).toBe('pro'));
});

test('what the page is asked for must be a plan that is sold and pages of the web', async () => {
  const teamId = await freeTeam(product);
  const before = await sessions();
  const paths = async (body: object) => {
    const { status, body: problem } = await checkout(teamId, body);
    return [status, ...problem.errors.map(({ path }: { path: string }) => path)];
  };
  expect(await paths({ plan: 'free', ...urls })).toEqual([400, 'plan']);
  expect(await paths({ plan: 'pro' })).toEqual([400, 'successUrl', 'cancelUrl']);
  expect(await paths({ plan: 'pro', ...urls, coupon: 'x' })).toEqual([400, 'coupon']);
  for (const url of ['javascript:alert(1)', 'ftp://host.example', 'http:host', '/done', '']) {
    expect(await paths({ plan: 'pro', ...urls, cancelUrl: url })).toEqual([400, 'cancelUrl']);
  }
  expect(await checkout('nobody')).toMatchObject({ status: 404, body: { code: 'unknown_team' } });
  expect(await sessions()).toEqual(before);
});

test('the portal is that of the customer, and its card is the one that pays', async () => {
  const team = await subscriber(product);
  const { status, body } = await portal(team.teamId, { returnUrl: 'https://host.example/billing' });
  expect(status).toBe(200);
  const page = await (await fetch(body.url)).text();
  expect(page).toContain(`${team.teamId}@customer.example`);
  expect(page).toContain('https://host.example/billing');

  await submit(body.url, { action: 'card', card: 'pm_card_mastercard' });
  const customer = await product.stripe.customers.retrieve(team.customerId, {
    expand: ['invoice_settings.default_payment_method'],
  });
  expect(customer).toMatchObject({
    invoice_settings: { default_payment_method: { card: { last4: '4444' } } },
  });
});

test('the portal needs no body, and a customer', async () => {
  const { teamId } = await customerTeam(product);
  const path = `${product.url}/api/v1/teams/${teamId}/portal`;
  const headers = { authorization: `Bearer ${product.settings.TAGIH_API_KEY}` };
  expect(await send(path, { method: 'POST', headers })).toMatchObject({ status: 200 });
  expect(await portal(teamId, { returnUrl: 'mailto:a@b.example' })).toMatchObject({ status: 400 });
  expect(await portal(await freeTeam(product))).toMatchObject({
    status: 409,
    body: { code: 'no_customer' },
  });
});

test('Stripe being away is 503, its refusal 502, and neither repeats its words', async () => {
  const { teamId, customerId } = await customerTeam(product);
  const path = '^/v1/(checkout|billing_portal)/sessions$';
  await product.control('POST', '/faults', { method: 'POST', path, kind: 'error', times: 2 });
  const away = { status: 503, body: { code: 'stripe_unavailable' } };
  expect(await checkout(teamId)).toMatchObject(away);
  expect(await portal(teamId)).toMatchObject(away);
  expect(await portal(teamId)).toMatchObject({ status: 200 });

  await product.stripe.customers.del(customerId);
  for (const refused of [await checkout(teamId), await portal(teamId)]) {
    expect(refused).toMatchObject({ status: 502, body: { code: 'stripe_refused' } });
    expect(refused.body.detail).toMatch(/ 40[04] resource_missing req_/);
    expect(refused.body.detail).not.toContain('No such customer');
  }
});
