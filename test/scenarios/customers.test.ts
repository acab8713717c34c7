import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Product, startProduct } from '../support/product.js';
import { customerTeam, subscriber } from '../support/stories.js';

let product: Product;
beforeAll(async () => {
  product = await startProduct();
});
afterAll(() => product?.close());

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

test('a customer and an invoice that Stripe does not have keep nothing else from being read', async () => {
  const { teamId } = await subscriber(product);
  await product.pool.query(
    `insert into tagih.outbox (workflow_id, fact) values ('subscription:' || $1::text, $2)`,
    [
      teamId,
      {
        kind: 'hint',
        id: 'evt_of_nothing',
        type: 'invoice.paid',
        object: 'in_that_never_was',
        at: new Date().toISOString(),
      },
    ],
  );
  await product.pool.query('notify tagih_outbox');
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
