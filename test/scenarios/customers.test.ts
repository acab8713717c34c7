import { expect, test } from 'vitest';
import * as messages from '../../workflows/messages.js';
import { newId } from '../support/events.js';
import { sharedProduct } from '../support/product.js';
import {
  customerTeam,
  patiently,
  settled,
  subscriber,
  timeline,
  unpaid,
} from '../support/stories.js';

const product = sharedProduct();

const resync = { actor: 'budi', reason: 'a second look' };

test('a team whose subscription is at another customer keeps it, also when it is read anew (R16, R18)', async () => {
  const { teamId } = await customerTeam(product);
  const other = await product.stripe.customers.create({
    email: 'other@customer.example',
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  await product.stripe.subscriptions.create({
    customer: other.id,
    items: [{ price: 'price_sandbox_pro' }],
    metadata: { team_id: teamId },
    billing_mode: { type: 'flexible' },
  });
  await product.until(teamId, ({ tier }) => expect(tier).toBe('pro'));
  const { status, body } = await product.api(
    'POST',
    `/api/v1/teams/${teamId}/actions/resync`,
    resync,
  );
  expect([status, body.tier]).toEqual([200, 'pro']);
});

test('R22: what is owed stays on its ladder when the host names another customer', async () => {
  const { teamId, invoiceId } = await unpaid(product, 3);
  const { id: stripeCustomerId } = await product.stripe.customers.create({
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  const { id } = await product.stripe.subscriptions.create({
    customer: stripeCustomerId,
    items: [{ price: 'price_sandbox_pro' }],
  });
  const host = { name: 'Acme', adminEmail: 'a@acme.example', stripeCustomerId };
  await product.api('PUT', `/api/v1/teams/${teamId}`, host);
  await product.until(teamId, (team) => expect(team.stripeSubscriptionId).toBe(id));
  for (const again of [1, 2]) {
    const path = `/api/v1/teams/${teamId}/actions/resync`;
    const { body } = await product.api('POST', path, { ...resync, idempotencyKey: `${again}` });
    expect(body.dunning).toMatchObject({ strike: 3, invoiceId });
  }
});

test('a customer and an invoice that Stripe does not have keep nothing else from being read', async () => {
  const { teamId } = await subscriber(product);
  await tell(teamId, 'evt_of_nothing', 'in_that_never_was');
  const mistaken = `${teamId}_mistaken`;
  await product.api('PUT', `/api/v1/teams/${mistaken}`, {
    name: 'Mistaken',
    adminEmail: 'a@mistaken.example',
    stripeCustomerId: 'cus_thatNeverWas',
  });
  for (const id of [teamId, mistaken]) {
    const answer = await product.api('POST', `/api/v1/teams/${id}/actions/resync`, resync);
    expect(answer.status).toBe(200);
  }
});

test.each([
  ['never had', async () => newId('cus')],
  [
    'has deleted',
    async () => {
      const { id } = await product.stripe.customers.create();
      await product.stripe.customers.del(id);
      return id;
    },
  ],
])(
  'a customer that Stripe %s is on the timeline, once, and the right one takes its place',
  async (_, mistake) => {
    const teamId = newId('team');
    const put = (stripeCustomerId: string) =>
      product.api('PUT', `/api/v1/teams/${teamId}`, {
        name: 'Mistaken',
        adminEmail: 'a@mistaken.example',
        stripeCustomerId,
      });
    const told = async () =>
      (await timeline(product, teamId)).filter(({ kind }) => kind === 'unknown_customer');
    const mistaken = await mistake();
    await put(mistaken);
    const line = { actor: 'stripe', details: { customerId: mistaken } };
    await expect.poll(told, patiently).toMatchObject([line]);
    await product.api('POST', `/api/v1/teams/${teamId}/actions/resync`, resync);

    const customer = await product.stripe.customers.create({
      payment_method: 'pm_card_visa',
      invoice_settings: { default_payment_method: 'pm_card_visa' },
    });
    await product.stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: 'price_sandbox_pro' }],
    });
    await put(customer.id);
    await product.until(teamId, ({ tier }) => expect(tier).toBe('pro'));
    await settled(product, teamId);
    expect(await told()).toMatchObject([line]);
  },
);

test('a customer without a subscription is no mistake', async () => {
  const { teamId } = await customerTeam(product);
  await settled(product, teamId);
  const kinds = (await timeline(product, teamId)).map(({ kind }) => kind);
  expect(kinds).not.toContain('unknown_customer');
});

test("another account's key takes no team its plan (R28)", async () => {
  const { teamId } = await subscriber(product);
  const body = { error: { type: 'invalid_request_error', code: 'resource_missing' } };
  const path = '^/v1/(subscriptions|customers|invoices)';
  await product.control('POST', '/faults', { path, kind: 'error', status: 404, body });
  await product.control('DELETE', '/requests');
  await tell(teamId, 'evt_under_another_key');
  await expect
    .poll(async () => {
      const all = await product.control<{ path: string }[]>(
        'GET',
        '/requests?path=/v1/subscriptions/sub',
      );
      return all.length;
    })
    .toBeGreaterThan(1);
  await product.until(teamId, ({ tier }) => expect(tier).toBe('pro'));
  await product.control('DELETE', '/faults');
  await settled(product, teamId);
  await product.until(teamId, ({ tier }) => expect(tier).toBe('pro'));
});

test('what anyone may send from Temporal UI is refused or ignored when it is malformed, and stops no team', async () => {
  const { teamId } = await subscriber(product);
  const workflow = product.temporal.workflow.getHandle(`subscription:${teamId}`);
  const hint = { kind: 'hint', id: 'x', type: 'resync', object: null, at: '2026-11-01' };
  for (const fact of [{}, null, { ...hint, id: '\0' }, hint, { kind: 'read', number: 1 }]) {
    await workflow.signal('fact', fact);
  }
  for (const input of [{}, { actor: 'budi', reason: '\0' }, { actor: 1, reason: 'x' }]) {
    const update = workflow.executeUpdate(messages.updates.resync, { args: [input as never] });
    await expect(update).rejects.toThrow();
  }
  const named = { args: [resync] as [typeof resync], updateId: 'a\0' };
  await expect(workflow.executeUpdate(messages.updates.resync, named)).rejects.toThrow();
  const answer = await product.api('POST', `/api/v1/teams/${teamId}/actions/resync`, resync);
  expect(answer.status).toBe(200);
});

test('a subscription that ended before anything was known of it is billed for its months (R37)', async () => {
  const customer = await product.stripe.customers.create({
    email: 'past@customer.example',
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  const { id } = await product.stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: 'price_sandbox_enterprise' }],
    billing_mode: { type: 'flexible' },
  });
  await product.stripe.subscriptions.cancel(id);
  await product.api('PUT', '/api/v1/teams/late', {
    name: 'Late',
    adminEmail: 'a@late.example',
    stripeCustomerId: customer.id,
  });
  await product.until('late', ({ subscriptionStatus }) =>
    expect(subscriptionStatus).toBe('canceled'),
  );
  const usage = await product.api('GET', '/api/v1/teams/late/usage');
  expect(usage.body.tokenLimit).toBe(500_000);
});

/** A fact as the relay would bring it. */
async function tell(teamId: string, id: string, object: string | null = null) {
  const hint = { kind: 'hint', id, type: 'invoice.paid', object, at: new Date().toISOString() };
  await product.temporal.workflow.getHandle(`subscription:${teamId}`).signal('fact', hint);
}
