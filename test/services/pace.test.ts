import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool, type Pool } from '../../src/db/pool.js';
import { reserveRequests } from '../../src/db/stripeBudget.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.js';
import { createStripe } from '../../src/stripe/client.js';
import { Pace } from '../../src/stripe/pace.js';
import { createDatabase, type Database } from '../support/database.js';

let database: Database;
let sandbox: Sandbox;
let pool: Pool;
beforeAll(async () => {
  [database, sandbox] = await Promise.all([createDatabase(), startSandbox({ port: 0 })]);
  pool = createPool(database.url, () => {});
});
afterAll(async () => {
  await pool?.end();
  await Promise.all([database?.drop(), sandbox?.close()]);
});

/** A client as a worker has it, which tells what it reserves. */
function worker(perSecond: number) {
  const asked: [string, number][] = [];
  const pace = new Pace(perSecond, (endpoint, rate, count) => {
    asked.push([endpoint, count]);
    return reserveRequests(pool, endpoint, rate, count);
  });
  return { asked, stripe: createStripe('sk_test_sandbox', sandbox.url, pace) };
}

test('workers share the budget of an endpoint: together they keep to its rate', async () => {
  const workers = [worker(25), worker(25)];
  const started = performance.now();
  await Promise.all(
    workers.flatMap(({ stripe }) =>
      Array.from({ length: 5 }, () => stripe.invoiceItems.list({ limit: 1 })),
    ),
  );
  // The first of ten at once, each other one 40 ms later.
  expect(performance.now() - started).toBeGreaterThan(9 * 40 - 1);
});

test('a budget is of an endpoint, whatever the ids in its path', async () => {
  const { asked, stripe } = worker(25);
  const { id } = await stripe.customers.create({ name: 'Acme' });
  await stripe.customers.retrieve(id);
  await stripe.customers.list({ email: 'a_b@c.example' });
  expect(asked).toEqual([
    ['POST /v1/customers', 1],
    ['GET /v1/customers/:id', 1],
    ['GET /v1/customers', 1],
  ]);
});

test('where much may be asked, turns are reserved by the dozen, and none is lost', async () => {
  const { asked, stripe } = worker(1_000);
  await Promise.all(Array.from({ length: 90 }, () => stripe.invoiceItems.list({ limit: 1 })));
  expect(asked).toEqual(Array(3).fill(['GET /v1/invoiceitems', 40]));
});
