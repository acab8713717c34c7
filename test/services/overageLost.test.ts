import { describe, expect, test } from 'vitest';
import { january } from './closing.js';
import { type Customer, sharedDebts } from './debts.js';

const debts = sharedDebts();

/** A record whose item is on Stripe, and that Stripe's answer never reached; its key is forgotten. */
async function unheard(tokens: number): Promise<Customer> {
  const customer = await debts.owing(tokens);
  await debts.fail('^/v1/invoiceitems$', { after: true });
  await expect(debts.bill(customer)).rejects.toThrow('503');
  await debts.control('DELETE', '/idempotency-keys');
  return customer;
}

/** A record whose item is on Stripe, in a ledger that came back from a backup of before; its key is forgotten. */
async function restored(tokens: number): Promise<Customer> {
  const customer = await debts.owing(tokens);
  await debts.bill(customer);
  await debts.books.pool.query(
    `update tagih.usage_billings set status = 'due', stripe_invoice_item_id = null, tried_at = null,
       tried_customer = null where team_id = $1`,
    [customer.team],
  );
  await debts.control('DELETE', '/idempotency-keys');
  return customer;
}

async function hasOneItem(customer: Customer, amount: number): Promise<void> {
  expect(await debts.put(customer)).toEqual([{ amount, on: customer.subscription.id }]);
  expect(await debts.record(customer)).toMatchObject({ status: 'pending' });
}

describe('an item that is on Stripe and not in the ledger is found, its key forgotten (R34, R35)', () => {
  test('when a worker died', async () => {
    const customer = await unheard(120);
    await debts.bill(customer);
    await hasOneItem(customer, 120);
  });

  test('when the ledger came back from a backup, and the month is closed again', async () => {
    const customer = await restored(110);
    await debts.adopt();
    await debts.bill(customer);
    await hasOneItem(customer, 110);
  });

  test('when the backup is of before the seal', async () => {
    const customer = await debts.owing(130);
    await debts.bill(customer);
    const { pool } = debts.books;
    for (const table of ['usage_billing_lines', 'usage_billings', 'seals', 'closes']) {
      await pool.query(`delete from tagih.${table}`);
    }
    await debts.control('DELETE', '/idempotency-keys');
    await debts.books.close(january);
    // By Stripe's clock, long after the items were made.
    await pool.query("update tagih.seals set sealed_at = now() + interval '1 day'");
    await debts.adopt();
    await debts.bill(customer);
    await hasOneItem(customer, 130);
  });

  test('when a reading settles the team before anybody closes the month', async () => {
    const customer = await restored(140);
    await debts.overage.settle(customer.team);
    await hasOneItem(customer, 140);
  });

  test('when another customer pays for the team by now', async () => {
    const customer = await unheard(150);
    const other = await debts.subscriber();
    await debts.knows(customer.team, other.subscription, other.customerId);
    await debts.bill(customer);
    expect(await debts.put(customer)).toEqual([]);
    expect(await debts.put(other)).toEqual([{ amount: 150, on: other.subscription.id }]);
    expect(await debts.record(customer)).toMatchObject({ status: 'pending', generation: 2 });
  });
});

test('a record that was tried in vain is billed to whom the team has now, under another key (R34)', async () => {
  const customer = await debts.owing(160);
  await debts.fail('^/v1/invoiceitems$', { stored: true });
  await expect(debts.bill(customer)).rejects.toThrow('503');
  const other = await debts.subscriber();
  await debts.knows(customer.team, other.subscription, other.customerId);
  await debts.bill(customer);
  expect(await debts.put(customer)).toEqual([]);
  expect(await debts.put(other)).toEqual([{ amount: 160, on: other.subscription.id }]);
});

test('an item of another amount than its record is left for a person to judge (R33, R34)', async () => {
  const customer = await debts.owing(170);
  const { id } = await debts.stripe.invoiceItems.create({
    customer: customer.customerId,
    amount: 999,
    currency: 'idr',
    subscription: customer.subscription.id,
    metadata: { team_id: customer.team, tagih_period: january.id },
  });
  await debts.adopt();
  await debts.bill(customer);
  expect(await debts.record(customer)).toMatchObject({
    status: 'failed',
    failure: 'amount_differs_at_stripe',
    stripeInvoiceItemId: null,
  });
  expect(await debts.put(customer)).toEqual([{ amount: 999, on: customer.subscription.id }]);

  await debts.stripe.invoiceItems.del(id);
  await debts.billAgain(customer);
  await hasOneItem(customer, 170);
});
