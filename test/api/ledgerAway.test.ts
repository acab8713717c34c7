import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createDatabase, type Database } from '../support/database.js';
import { eventOf, metric, postEvent, teamTold } from '../support/events.js';
import { type Product, startProduct } from '../support/product.js';
import { send } from '../support/send.js';
import { customerTeam, eventsOf, freeTeam } from '../support/stories.js';
import { startWire } from '../support/wire.js';

let wire: Awaited<ReturnType<typeof startWire>>;
let database: Database;
let product: Product;
beforeAll(async () => {
  database = await createDatabase();
  const url = new URL(database.url);
  wire = await startWire(url.hostname, Number(url.port));
  url.host = `${wire.host}:${wire.port}`;
  product = await startProduct({ DATABASE_URL: url.href }, { worker: false, database });
});
afterAll(async () => {
  await product?.close();
  await wire?.cut();
  await database?.drop();
});

test('while Postgres is away nothing is acknowledged, and what Stripe sent arrives afterwards (R15)', async () => {
  const { teamId, customerId } = await customerTeam(product);
  const usage = { teamId, idempotencyKey: 'k', tokens: 5 };
  await wire.cut();

  const event = JSON.stringify(eventOf({ customer: customerId }));
  const refused = await postEvent(product, event);
  expect(refused).toMatchObject({ status: 503, body: { code: 'not_stored' } });
  for (const answer of [
    await product.api('POST', '/api/v1/usage', usage),
    await product.api('GET', `/api/v1/teams/${teamId}`),
  ]) {
    expect(answer).toMatchObject({ status: 503, body: { code: 'database_unavailable' } });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  }

  // Stripe's own delivery fails as well, and is repeated until it is taken.
  await product.stripe.customers.update(customerId, { name: 'Acme' });
  const updated = async () =>
    (await eventsOf(product, { customerId })).findLast(({ type }) => type === 'customer.updated');
  await vi.waitFor(async () => {
    expect(await updated()).toMatchObject({ delivery: { status: 'pending', lastAnswer: 503 } });
  });

  await wire.mend();
  expect(await teamTold(product, (await updated())?.id ?? '')).toBe(teamId);
  const recorded = await product.api('POST', '/api/v1/usage', usage);
  expect(recorded.body).toMatchObject({ result: 'recorded', usedTokens: 5 });
});

test('connections that Postgres ends in the midst of requests end nothing else (R9, R10)', async () => {
  const teamId = await freeTeam(product);
  const record = (number: number) =>
    product.api('POST', '/api/v1/usage', { teamId, idempotencyKey: `k-${number}`, tokens: 1 });
  const numbers = Array.from({ length: 60 }, (_, number) => number);
  const others = `from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
  const holder = await product.pool.connect();
  await holder.query('begin');
  await holder.query('lock table tagih.usage_events in exclusive mode');
  const requests = numbers.map(record);
  await vi.waitFor(async () => {
    const { rowCount } = await holder.query(`select ${others} and wait_event_type = 'Lock'`);
    expect(rowCount).toBeGreaterThan(0);
  });
  await holder.query(`select pg_terminate_backend(pid) ${others}`);
  await holder.query('rollback');
  holder.release();
  const answers = await Promise.all(requests);
  expect(answers.map(({ status }) => status)).toContain(503);
  for (const { status, body } of answers) {
    expect([200, 503]).toContain(status);
    if (status === 503) expect(body.code).toBe('database_unavailable');
  }

  await Promise.all(numbers.map(record));
  const { body } = await product.api('GET', `/api/v1/teams/${teamId}/usage`);
  expect(body.usedTokens).toBe(60);
});

test('the probes tell the one that lives from the one that serves', async () => {
  await wire.cut();
  expect((await send(`${product.url}/healthz`)).status).toBe(200);
  const { status, body } = await send(`${product.url}/readyz`);
  expect({ status, postgres: body.checks.postgres }).toEqual({ status: 503, postgres: 'down' });
  expect(await metric(product, 'tagih_outbox_facts')).toBeNaN();

  await wire.mend();
  const ready = () => send(`${product.url}/readyz`);
  await vi.waitFor(async () => expect((await ready()).status).toBe(200), { timeout: 5_000 });
});
