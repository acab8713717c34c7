import fc from 'fast-check';
import type Stripe from 'stripe';
import { expect, test } from 'vitest';
import { OverageService } from '../../src/services/overageService.js';
import { stripeClient } from '../sandbox/support/world.js';
import { ALL, january, noon } from './closing.js';
import { type Customer, type Debts, openDebts } from './debts.js';

/** As many closes as the suite has time for; a search: `FAULTY_CLOSES=50 npx vitest run test/services/overageFaults.test.ts`. */
const RUNS = Number(process.env['FAULTY_CLOSES'] ?? 1);

const SUBSCRIBERS = 80;
/** Teams whose subscription has ended: an invoice of their own takes four requests. */
const FORMER = 20;

/** What Stripe, or the way to it, may do to a request. */
const faults = fc.record({
  path: fc.constantFrom('^/v1/invoiceitems', '^/v1/invoices', '^/v1/invoice'),
  fault: fc.constantFrom(
    { kind: 'error', status: 429 },
    { kind: 'error', status: 503 },
    { kind: 'error', status: 500, after: true },
    { kind: 'error', status: 500, method: 'POST', stored: true },
    { kind: 'error', status: 500, method: 'POST', stored: true, after: true },
    { kind: 'timeout' },
    { kind: 'timeout', after: true },
    { kind: 'reset' },
    { kind: 'reset', after: true },
  ),
  /** How many strike with it, among the records that are billed next. */
  more: fc.nat(5),
});

type Given = typeof faults extends fc.Arbitrary<infer F> ? F : never;

/** A hundred records that are due, by how much. */
async function owe({ books, subscriber, cancel }: Debts): Promise<Map<Customer, number>> {
  const owing = new Map<Customer, number>();
  for (let number = 1; number <= SUBSCRIBERS + FORMER; number += 1) {
    const customer = await subscriber();
    const former = number > SUBSCRIBERS;
    const amount = former ? 2_000_000 + number : number;
    await books.track(customer.team, 50_000 + amount, noon(january, 10));
    if (former) await cancel(customer);
    owing.set(customer, amount);
  }
  return owing;
}

/** A page as its activity bills it: tried until it is through, whatever comes between. How many faults struck. */
async function billAll(
  { books, control, sandbox, adopt }: Debts,
  sequence: readonly Given[] = [],
): Promise<number> {
  // As the product's, less patient.
  const overage = new OverageService(books.pool, stripeClient(sandbox, { timeout: 250 }));
  const coming = [...sequence];
  const strikes: Promise<unknown>[] = [];
  const strike = () => {
    for (const { path, fault } of coming.splice(0, 1 + (coming[0]?.more ?? 0))) {
      strikes.push(control('POST', '/faults', { path, times: 1, ...fault }));
    }
  };
  // Once for a close: what is tried after that is looked for by itself.
  await adopt();
  strike();
  for (let tries = 1; ; tries += 1) {
    if (tries > sequence.length + 1) throw new Error('the page comes to no end');
    try {
      await overage.billPage(january.id, ALL, { between: strike });
      break;
    } catch {
      // Told by what is on Stripe in the end.
    }
  }
  await Promise.all(strikes);
  // A fault may wait for a request that no subscriber makes.
  return strikes.length - (await control<unknown[]>('GET', '/faults')).length;
}

/** Everything that is on Stripe for usage, by customer. */
async function itemsByCustomer({ stripe }: Debts): Promise<Map<string, Stripe.InvoiceItem[]>> {
  const items = await stripe.invoiceItems.list({ limit: 100 }).autoPagingToArray({
    limit: 10_000,
  });
  const ofUsage = items.filter(({ metadata }) => metadata?.['tagih_period'] === january.id);
  return Map.groupBy(ofUsage, ({ customer }) => String(customer));
}

/** One item for each record, of its amount; one invoice for each that has no subscription. */
async function agrees(debts: Debts, owing: ReadonlyMap<Customer, number>): Promise<void> {
  const { record, ownInvoices } = debts;
  const items = await itemsByCustomer(debts);
  for (const [customer, amount] of owing) {
    const found = items.get(customer.customerId) ?? [];
    const { status, stripeInvoiceItemId, stripeInvoiceId } = await record(customer);
    const former = amount > 2_000_000;
    expect([status, ...found.map((item) => [item.id, item.amount])]).toEqual([
      former ? 'billed' : 'pending',
      [stripeInvoiceItemId, amount],
    ]);
    const invoices = (await ownInvoices(customer)).map(({ id, total }) => [id, total]);
    expect(invoices).toEqual(former ? [[stripeInvoiceId, amount]] : []);
  }
}

async function billedOnce(debts: Debts, sequence: readonly Given[]): Promise<void> {
  const { books, control } = debts;
  const owing = await owe(debts);
  await books.close(january);
  expect(await billAll(debts, sequence)).toBeGreaterThan(sequence.length / 2);
  await control('DELETE', '/faults');
  await agrees(debts, owing);

  await control('DELETE', '/idempotency-keys');
  await books.close(january);
  await billAll(debts);
  await agrees(debts, owing);

  // As it was before anything was tried.
  await books.pool.query(
    `update tagih.usage_billings set status = 'due', generation = 1, tried_at = null,
       stripe_invoice_item_id = null, stripe_invoice_id = null, billed_at = null`,
  );
  await billAll(debts);
  await agrees(debts, owing);
}

test(
  'whatever fails while a hundred records are billed, and is forgotten, each has one item (R34, R35)',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(faults, { minLength: 40, maxLength: 40 }), async (sequence) => {
        const debts = await openDebts();
        await billedOnce(debts, sequence).finally(() => debts.shut());
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  },
  60_000 * RUNS,
);
