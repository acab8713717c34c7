import { describe, expect, test } from 'vitest';
import { type Product, sharedProduct, startProduct } from '../support/product.js';
import {
  attempts,
  customerTeam,
  patiently,
  renew,
  type Subscriber,
  sent,
  settled,
  subscriber,
  timeline,
  unpaid,
} from '../support/stories.js';

const product = sharedProduct({ DUNNING_INTERVALS: '1h,1h' });

const actor = { actor: 'op@tagih.example', reason: 'the customer asked' };

/** A team whose bank asks for a confirmation of the renewal (3-D Secure). */
async function confirming(product: Product): Promise<Subscriber & { invoiceId: string }> {
  const team = await subscriber(product);
  await product.control('POST', `/customers/${team.customerId}/card`, {
    card: 'pm_card_authenticationRequired',
  });
  const invoiceId = await renew(product, team);
  await product.until(team.teamId, ({ access }) => expect(access.fix).toBe('confirm_payment'));
  return { ...team, invoiceId };
}

describe('R27: a payment waits for the customer', () => {
  test('a mail with the link, no ladder and no retry; confirmed it is paid, without another mail', async () => {
    const team = await confirming(product);
    await settled(product, team.teamId);
    const { body } = await product.api('GET', `/api/v1/teams/${team.teamId}`);
    expect(body).toMatchObject({
      dunning: null,
      access: { ai: 'full', dashboard: 'open', fix: 'confirm_payment' },
    });
    const [mail, ...more] = await product.mails(team.teamId);
    expect([mail?.tag, more]).toEqual(['payment-action-required', []]);
    const { hosted_invoice_url: url } = await product.stripe.invoices.retrieve(team.invoiceId);
    expect(mail?.text).toContain(url);

    await product.control('POST', `/invoices/${team.invoiceId}/confirm`, { succeed: true });
    await product.until(team.teamId, ({ subscriptionStatus, access }) => {
      expect([subscriptionStatus, access.fix]).toEqual(['active', null]);
    });
    await settled(product, team.teamId);
    expect(await sent(product, team.teamId)).toEqual(['payment-action-required']);
    expect(await attempts(product, team.invoiceId)).toEqual([]);
  });

  test('a customer who fails to confirm is at strike 1', async () => {
    const team = await confirming(product);
    await product.control('POST', `/invoices/${team.invoiceId}/confirm`, { succeed: false });
    await product.until(team.teamId, ({ dunning }) => expect(dunning?.strike).toBe(1));
    await settled(product, team.teamId);
    expect(await sent(product, team.teamId)).toEqual([
      'payment-action-required',
      'payment-warning',
    ]);
  });

  test('an operator cannot retry it, but waive it', async () => {
    const team = await confirming(product);
    const act = (action: string) =>
      product.api('POST', `/api/v1/teams/${team.teamId}/actions/${action}`, actor);
    expect(await act('retry-payment')).toMatchObject({
      status: 409,
      body: { code: 'no_open_invoice' },
    });
    expect((await act('waive')).status).toBe(200);
    await settled(product, team.teamId);
    expect((await product.stripe.invoices.retrieve(team.invoiceId)).status).toBe('uncollectible');
    expect(await attempts(product, team.invoiceId)).toEqual([]);
  });

  test('a new card that asks too: a mail for that try, the strike and the timer stay', async () => {
    const team = await unpaid(product);
    const before = await settled(product, team.teamId);
    await product.control('POST', `/customers/${team.customerId}/card`, {
      card: 'pm_card_authenticationRequired',
    });
    await expect.poll(() => attempts(product, team.invoiceId), patiently).toHaveLength(1);
    const { ladders } = await settled(product, team.teamId);
    expect(ladders[0]).toMatchObject({ strike: 1, timer: before.ladders[0]?.timer });
    expect(await sent(product, team.teamId)).toEqual([
      'payment-warning',
      'payment-action-required',
    ]);
  });
});

test('R22, R27: a first payment that waits has a mail with its link, and no ladder', async () => {
  const { teamId, customerId } = await customerTeam(product);
  const card = 'pm_card_authenticationRequired';
  await product.control('POST', `/customers/${customerId}/card`, { card });
  const { latest_invoice: invoiceId } = await product.stripe.subscriptions.create({
    customer: customerId,
    items: [{ price: 'price_sandbox_pro' }],
    metadata: { team_id: teamId },
  });
  await expect.poll(() => sent(product, teamId), patiently).toEqual(['payment-action-required']);
  const { ladders } = await settled(product, teamId);
  expect(ladders).toEqual([]);
  const { hosted_invoice_url: url } = await product.stripe.invoices.retrieve(String(invoiceId));
  expect((await product.mails(teamId))[0]?.text).toContain(url);

  await product.control('POST', `/invoices/${invoiceId}/confirm`, { succeed: true });
  await product.until(teamId, ({ subscriptionStatus }) =>
    expect(subscriptionStatus).toBe('active'),
  );
  await settled(product, teamId);
  expect(await sent(product, teamId)).toEqual(['payment-action-required']);
});

test('R22, R27: an upgrade that waits has a mail, and no ladder; confirmed it takes effect', async () => {
  const { teamId, customerId, subscriptionId } = await subscriber(product);
  const card = 'pm_card_authenticationRequired';
  await product.control('POST', `/customers/${customerId}/card`, { card });
  const { items } = await product.stripe.subscriptions.retrieve(subscriptionId);
  const { latest_invoice: invoiceId } = await product.stripe.subscriptions.update(subscriptionId, {
    items: [{ id: String(items.data[0]?.id), price: 'price_sandbox_enterprise' }],
    payment_behavior: 'pending_if_incomplete',
    proration_behavior: 'always_invoice',
  });
  await expect.poll(() => sent(product, teamId), patiently).toEqual(['payment-action-required']);
  const { ladders, tier } = await settled(product, teamId);
  expect([ladders, tier]).toEqual([[], 'pro']);

  await product.control('POST', `/invoices/${invoiceId}/confirm`, { succeed: true });
  await product.until(teamId, (team) => expect(team.tier).toBe('enterprise'));
  await settled(product, teamId);
  expect(await sent(product, teamId)).toEqual(['payment-action-required', 'plan-changed']);
});

test('R27: confirmed in time, and no event came: no strike and no other mail', async () => {
  const brief = await startProduct({ DUNNING_INTERVALS: '1h,1h', CONFIRMATION_WINDOW: '4s' });
  try {
    const team = await subscriber(brief);
    const card = 'pm_card_authenticationRequired';
    await brief.control('POST', `/customers/${team.customerId}/card`, { card });
    const invoiceId = await renew(brief, team);
    // The bank's question is told of; the answer to it is not.
    await expect.poll(() => sent(brief, team.teamId), patiently).not.toEqual([]);
    await brief.control('POST', '/webhooks', { paused: true });
    await brief.control('POST', `/invoices/${invoiceId}/confirm`, { succeed: true });
    await brief.until(team.teamId, ({ access }) => expect(access.fix).toBeNull());
    expect((await timeline(brief, team.teamId)).at(-1)).toMatchObject({ kind: 'invoice_paid' });
    expect(await sent(brief, team.teamId)).toEqual(['payment-action-required']);
  } finally {
    await brief.close();
  }
});

test('R27: unconfirmed after the window it is a failed attempt, and so on to the lock', async () => {
  const brief = await startProduct({ DUNNING_INTERVALS: '1ms,1ms', CONFIRMATION_WINDOW: '300ms' });
  try {
    const team = await confirming(brief);
    await brief.until(team.teamId, ({ dunning, access }) => {
      expect(dunning?.strike).toBe(3);
      expect(access).toMatchObject({ dashboard: 'locked' });
    });
    await settled(brief, team.teamId);
    expect(await sent(brief, team.teamId)).toEqual([
      'payment-action-required',
      'payment-warning',
      'payment-action-required',
      'payment-critical',
      'payment-action-required',
      'account-locked',
    ]);
    await brief.control('POST', `/invoices/${team.invoiceId}/confirm`, { succeed: true });
    await brief.until(team.teamId, ({ access }) => expect(access.dashboard).toBe('open'));
    await settled(brief, team.teamId);
    expect((await sent(brief, team.teamId)).at(-1)).toBe('payment-recovered');
  } finally {
    await brief.close();
  }
});
