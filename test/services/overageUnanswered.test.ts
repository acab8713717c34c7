import { expect, test } from 'vitest';
import { ALL, january, noon } from './closing.js';
import { type Customer, sharedDebts } from './debts.js';

const debts = sharedDebts();

/** More than are billed at once. */
const TEAMS = 20;

async function owing(): Promise<Customer[]> {
  const customers = await Promise.all(Array.from({ length: TEAMS }, () => debts.subscriber()));
  for (const { team } of customers) await debts.books.track(team, 50_200, noon(january, 3));
  await debts.books.close(january);
  return customers;
}

const attempt = (number: number) =>
  debts.overage.billPage(january.id, ALL, { attempt: number }).catch(({ name }: Error) => name);

async function statuses(customers: readonly Customer[]): Promise<Record<string, number>> {
  const records = await Promise.all(customers.map(debts.record));
  const groups = Map.groupBy(records, ({ status, failure }) => failure ?? status);
  return Object.fromEntries([...groups].map(([status, { length }]) => [status, length]));
}

test('a customer at whom Stripe keeps failing keeps nobody else from being billed, and has failed in the end (R28)', async () => {
  const customers = await owing();
  const [bad] = customers;
  if (bad === undefined) throw new Error('there are twenty');
  const failing = { kind: 'error', path: '^/v1/invoiceitems$', method: 'POST', status: 500 };
  await debts.control('POST', '/faults', { ...failing, idempotencyKey: `:${bad.team}:` });
  expect(await attempt(1)).toBe('StripeUnavailable');
  expect(await statuses(customers)).toEqual({ pending: TEAMS - 1, due: 1 });
  expect(await attempt(19)).toBe('StripeUnavailable');
  expect(await statuses(customers)).toEqual({ pending: TEAMS - 1, due: 1 });

  // While Stripe answers nobody, no number of attempts says anything of the customer.
  await debts.control('POST', '/faults', { kind: 'error', path: '^/v1/invoiceitems', status: 503 });
  expect(await attempt(500)).toBe('StripeUnavailable');
  expect(await statuses(customers)).toEqual({ pending: TEAMS - 1, due: 1 });

  await debts.control('DELETE', '/faults');
  await debts.control('POST', '/faults', { ...failing, idempotencyKey: `:${bad.team}:` });
  await attempt(20);
  expect(await statuses(customers)).toEqual({ pending: TEAMS - 1, no_answer_of_stripe: 1 });
  await debts.control('DELETE', '/faults');
  await debts.billAgain(bad);
  expect(await statuses(customers)).toEqual({ pending: TEAMS });
  for (const customer of customers) expect(await debts.put(customer)).toHaveLength(1);
});

test.each([
  ['answers nobody', {}],
  ['says when to ask again', { headers: { 'retry-after': '7' }, times: 1 }],
])('while Stripe %s, the rest of a page is not asked for (R28)', async (_, how) => {
  const customers = await owing();
  const fault = { kind: 'error', path: '^/v1/invoiceitems$', method: 'POST', status: 429 };
  await debts.control('POST', '/faults', { ...fault, ...how });
  await debts.control('DELETE', '/requests');
  expect(await attempt(1)).toBe('StripeUnavailable');
  const asked = await debts.control<unknown[]>('GET', '/requests');
  expect(asked.length).toBeLessThan(TEAMS);
  await debts.control('DELETE', '/faults');
  await attempt(2);
  expect(await statuses(customers)).toEqual({ pending: TEAMS });
});
