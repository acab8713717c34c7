import { expect, test } from 'vitest';
import { ALL, february, january, noon } from './closing.js';
import { type Customer, sharedDebts } from './debts.js';

const debts = sharedDebts();

test('two that bill a record at once put one item on Stripe (R32, R34)', async () => {
  const customer = await debts.owing(70);
  await Promise.allSettled([
    debts.bill(customer),
    debts.bill(customer),
    debts.overage.settle(customer.team),
  ]);
  await debts.bill(customer);
  expect(await debts.put(customer)).toEqual([{ amount: 70, on: customer.subscription.id }]);
  expect(await debts.record(customer)).toMatchObject({ status: 'pending' });
});

test('an item that nobody wrote down moves when its subscription has ended meanwhile (R34)', async () => {
  const customer = await debts.owing(2_000_000);
  await debts.fail('^/v1/invoiceitems$', { after: true });
  await expect(debts.bill(customer)).rejects.toThrow('503');
  await debts.cancel(customer);
  await debts.bill(customer);

  const [invoice, ...others] = await debts.ownInvoices(customer);
  expect(others).toEqual([]);
  expect(await debts.record(customer)).toMatchObject({
    status: 'billed',
    stripeInvoiceId: invoice?.id,
    generation: 2,
  });
  expect(await debts.put(customer)).toEqual([{ amount: 2_000_000, on: invoice?.id }]);
});

test('an item moves to the subscription that has followed on its own (R34)', async () => {
  const customer = await debts.owing(80);
  await debts.bill(customer);
  await debts.stripe.subscriptions.cancel(customer.subscription.id);
  const next = await debts.subscribe(customer.customerId);
  await debts.knows(customer.team, next, customer.customerId);
  await debts.overage.settle(customer.team);
  expect(await debts.put(customer)).toEqual([{ amount: 80, on: next.id }]);
  expect(await debts.record(customer)).toMatchObject({ status: 'pending', generation: 2 });
});

test('an item on a draft that nobody finalises is taken off it when its subscription has ended (R28, R34)', async () => {
  const customer = await debts.owing(2_000_000);
  const { id } = customer.subscription;
  await debts.bill(customer);
  await debts.stripe.subscriptions.update(id, { pause_collection: { behavior: 'keep_as_draft' } });
  const draft = await debts.control<{ id: string }>('POST', `/subscriptions/${id}/renew`);
  await debts.overage.settle(customer.team);
  expect(await debts.put(customer)).toEqual([{ amount: 2_000_000, on: draft.id }]);
  expect(await debts.record(customer)).toMatchObject({ status: 'pending', generation: 1 });

  await debts.cancel(customer);
  await debts.fail('^/v1/invoiceitems/', { method: 'DELETE' });
  await expect(debts.overage.settle(customer.team)).rejects.toThrow('503');
  await debts.overage.settle(customer.team);
  const [invoice, ...others] = await debts.ownInvoices(customer);
  expect(others).toEqual([]);
  expect(await debts.put(customer)).toEqual([{ amount: 2_000_000, on: invoice?.id }]);
  expect(await debts.record(customer)).toMatchObject({ status: 'billed', generation: 3 });
});

test.each([
  ['DELETE ^/v1/invoiceitems/', false],
  ['DELETE ^/v1/invoiceitems/', true],
  ['POST ^/v1/invoices$', false],
  ['POST ^/v1/invoices$', true],
  ['POST ^/v1/invoiceitems$', false],
  ['POST ^/v1/invoiceitems$', true],
  ['POST /finalize$', false],
  ['POST /finalize$', true],
])(
  'an outage of %s, after its effect: %s, leaves nothing undone or done twice (R28, R34)',
  async (request, after) => {
    const [method = '', path = ''] = request.split(' ');
    const customer = await debts.owing(3_000_000);
    await debts.bill(customer);
    await debts.cancel(customer);
    await debts.fail(path, { method, after });
    await expect(debts.overage.settle(customer.team)).rejects.toThrow('503');
    await debts.overage.settle(customer.team);

    const invoices = await debts.ownInvoices(customer);
    expect(invoices).toMatchObject([{ total: 3_000_000, auto_advance: true }]);
    expect(await debts.put(customer)).toEqual([{ amount: 3_000_000, on: invoices[0]?.id }]);
    expect(await debts.record(customer)).toMatchObject({ status: 'billed' });
  },
);

test('what Stripe refused is tried again with the next run of the close', async () => {
  const customer = await debts.owing(90);
  await debts.fail('^/v1/invoiceitems$', { status: 400 });
  await debts.bill(customer);
  const refused = {
    status: 'failed',
    failure: 'StripeInvalidRequestError',
    stripeInvoiceItemId: null,
  };
  expect(await debts.record(customer)).toMatchObject(refused);
  // A page whose worker died is billed once more: not what has failed.
  await debts.bill(customer);
  expect(await debts.record(customer)).toMatchObject(refused);
  await debts.billAgain(customer);
  expect(await debts.record(customer)).toMatchObject({ status: 'pending', failure: null });
  expect(await debts.put(customer)).toHaveLength(1);
});

test.each([401, 403])(
  'a key that Stripe refuses with %i is no fault of the record: it waits as it was (R28)',
  async (status) => {
    const customer = await debts.owing(40);
    await debts.fail('^/v1/invoiceitems$', { status });
    await expect(debts.bill(customer)).rejects.toMatchObject({ statusCode: status });
    expect(await debts.record(customer)).toMatchObject({ status: 'due', generation: 1 });
    await debts.bill(customer);
    const { stripeInvoiceItemId: item } = await debts.record(customer);
    await debts.fail('^/v1/invoiceitems/', { method: 'GET', status });
    await expect(debts.overage.settle(customer.team)).rejects.toMatchObject({ statusCode: status });
    expect(await debts.record(customer)).toMatchObject({
      status: 'pending',
      stripeInvoiceItemId: item,
    });
  },
);

test('a refusal makes no record forget the item that it has on Stripe (R34)', async () => {
  const customer = await debts.owing(30);
  await debts.bill(customer);
  const { stripeInvoiceItemId: item } = await debts.record(customer);
  const refuse = async () => {
    await debts.fail('^/v1/invoiceitems/', { method: 'GET', status: 400 });
    await debts.overage.settle(customer.team);
    expect(await debts.record(customer)).toMatchObject({
      status: 'failed',
      stripeInvoiceItemId: item,
    });
  };
  await refuse();
  await debts.billAgain(customer);
  expect(await debts.record(customer)).toMatchObject({
    status: 'pending',
    stripeInvoiceItemId: item,
  });

  await refuse();
  await debts.stripe.invoiceItems.del(item ?? '');
  await debts.billAgain(customer);
  await debts.billAgain(customer);
  expect(await debts.record(customer)).toMatchObject({ status: 'failed' });
  expect(await debts.put(customer)).toEqual([]);
});

test('a subscription whose end is heard of late: its refusal is settled with the end (R34)', async () => {
  const customer = await debts.owing(60);
  await debts.stripe.subscriptions.cancel(customer.subscription.id);
  await debts.bill(customer);
  expect(await debts.record(customer)).toMatchObject({ status: 'failed' });
  await debts.hearsOfTheEnd(customer);
  await debts.overage.settle(customer.team);
  expect(await debts.record(customer)).toMatchObject({ status: 'carried_forward' });
});

test.each(['goes on', 'ends'])(
  'an item that somebody took back at Stripe is not made again while the subscription %s',
  async (then) => {
    const customer = await debts.owing(2_000_000);
    await debts.bill(customer);
    await debts.stripe.invoiceItems.del((await debts.record(customer)).stripeInvoiceItemId ?? '');
    if (then === 'ends') await debts.cancel(customer);
    await debts.overage.settle(customer.team);
    await debts.billAgain(customer);
    expect(await debts.record(customer)).toMatchObject({
      status: 'failed',
      failure: 'item_deleted_at_stripe',
    });
    expect(await debts.put(customer)).toEqual([]);
  },
);

/** An upgrade that the card declines pulls the pending item onto its own invoice; that invoice's id. */
async function failsToUpgrade({ customerId, subscription }: Customer): Promise<string> {
  await debts.control('POST', `/customers/${customerId}/card`, {
    card: 'pm_card_chargeCustomerFail',
  });
  const { latest_invoice } = await debts.stripe.subscriptions.update(subscription.id, {
    items: [{ id: subscription.items.data[0]?.id ?? '', price: 'price_sandbox_enterprise' }],
    payment_behavior: 'pending_if_incomplete',
    proration_behavior: 'always_invoice',
  });
  if (typeof latest_invoice !== 'string') throw new Error('the upgrade has no invoice');
  return latest_invoice;
}

test('usage on the invoice of an upgrade waits for its payment (R34)', async () => {
  const customer = await debts.owing(2_000_000);
  await debts.bill(customer);
  const invoiceId = await failsToUpgrade(customer);
  expect(await debts.put(customer)).toContainEqual({ amount: 2_000_000, on: invoiceId });
  await debts.overage.settle(customer.team);
  expect(await debts.record(customer)).toMatchObject({ status: 'pending', generation: 1 });
  await debts.stripe.invoices.pay(invoiceId, { paid_out_of_band: true });
  await debts.overage.settle(customer.team);
  expect(await debts.record(customer)).toMatchObject({
    status: 'billed',
    stripeInvoiceId: invoiceId,
  });
});

test('usage on the void invoice of an upgrade is owed still, and billed once more (R34)', async () => {
  const customer = await debts.owing(2_000_000);
  await debts.bill(customer);
  const invoiceId = await failsToUpgrade(customer);
  await debts.stripe.invoices.voidInvoice(invoiceId);
  // It may die between its two steps.
  await debts.fail('^/v1/invoiceitems$', { status: 503 });
  await expect(debts.overage.settle(customer.team)).rejects.toThrow('503');
  await debts.overage.settle(customer.team);
  await debts.overage.settle(customer.team);
  expect(await debts.record(customer)).toMatchObject({ status: 'pending', generation: 2 });
  expect((await debts.put(customer)).filter(({ amount }) => amount === 2_000_000)).toEqual([
    { amount: 2_000_000, on: customer.subscription.id },
    { amount: 2_000_000, on: invoiceId },
  ]);
});

test('a team that Stripe does not know carries its amount forward, however large (R34)', async () => {
  const team = await debts.books.team('pro');
  await debts.books.track(team, 5_000_000, noon(january, 10));
  await debts.books.closes.writeRecords(january.id, ALL);
  await debts.overage.billPage(january.id, { first: team, last: team });
  expect(await debts.books.records(team)).toMatchObject([{ status: 'carried_forward' }]);
});

test('the invoice says of which months the usage is (R12, R34)', async () => {
  const customer = await debts.owing(77);
  await debts.bill(customer);
  await debts.books.track(customer.team, 9, noon(january, 11), noon(february, 5));
  await debts.books.track(customer.team, 50_100, noon(february, 10));
  await debts.books.close(february);
  const { team: id } = customer;
  await debts.overage.billPage(february.id, { first: id, last: id });
  const { data } = await debts.stripe.invoiceItems.list({ customer: customer.customerId });
  expect(data.map(({ amount, description }) => [amount, description])).toEqual([
    [109, `Usage above the plan: ${february.id}, ${january.id} (recorded later)`],
    [77, `Usage above the plan: ${january.id}`],
  ]);
});
