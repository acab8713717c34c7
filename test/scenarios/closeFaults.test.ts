import { ApplicationFailure } from '@temporalio/common';
import type { ActivityInterceptors } from '@temporalio/worker';
import fc from 'fast-check';
import Stripe from 'stripe';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import type { Period } from '../../src/domain/period.js';
import { createLog } from '../../src/log.js';
import { startWorker } from '../../src/worker.js';
import { tellOfDeath } from '../crashes/death.js';
import { askToClose, closesAreOver } from '../support/closes.js';
import { knownSubscriber } from '../support/knownSubscriber.js';
import { monthsAgo, track } from '../support/months.js';
import { sharedProduct } from '../support/product.js';
import { patiently, type Subscriber } from '../support/stories.js';

/** As many closes as the suite has time for; a search: `FAULTY_CLOSES=50 npx vitest run test/scenarios/closeFaults.test.ts`. */
const RUNS = Number(process.env['FAULTY_CLOSES'] ?? 1);

const SUBSCRIBERS = 48;
/** Teams whose subscription has ended: an invoice of their own takes four requests. */
const FORMER = 12;

/** The oldest is closed first: a close also starts those of earlier months that nobody has closed (R12). */
const monthOf = (run: number): Period => monthsAgo(RUNS + 1 - run);

const product = sharedProduct(
  { RETENTION_MONTHS: String(RUNS + 3), STRIPE_RATE_LIMIT: '100' },
  { worker: false },
);

let afterFailure: () => Promise<unknown> = async () => {};

/** What has failed is tried again at once, and not when Temporal's patience is over. */
const soonAgain = (): ActivityInterceptors => ({
  inbound: {
    async execute(input, next) {
      try {
        return await next(input);
      } catch (error) {
        await afterFailure();
        throw ApplicationFailure.fromError(error, { nextRetryDelay: 20 });
      }
    },
  },
});

/** Lets clients of Stripe that are made meanwhile give up after 200 ms, where the product's wait for 20 s. */
async function impatiently<T>(make: () => Promise<T>): Promise<T> {
  const { createNodeHttpClient } = Stripe;
  const spy = vi.spyOn(Stripe, 'createNodeHttpClient').mockImplementation((agent) => {
    const client = createNodeHttpClient(agent);
    const { makeRequest } = client;
    client.makeRequest = (host, port, path, method, headers, data, protocol) =>
      makeRequest.call(client, host, port, path, method, headers, data, protocol, 200);
    return client;
  });
  return make().finally(() => spy.mockRestore());
}

let worker: { close(): Promise<void> } | undefined;
beforeAll(async () => {
  await product.control('POST', '/webhooks', { paused: true });
  worker = await impatiently(() =>
    startWorker(product.settings, createLog('silent', 'test'), {
      workflowBundle: { codePath: inject('workflowBundle') },
      interceptors: { activity: [soonAgain] },
    }),
  );
});
afterAll(() => worker?.close());

interface Team extends Subscriber {
  former: boolean;
  amount: number;
}

const teams: Team[] = [];
beforeAll(async () => {
  for (let number = 1; number <= SUBSCRIBERS + FORMER; number += 1) {
    const former = number > SUBSCRIBERS;
    const teamId = `team_${String(number).padStart(2, '0')}`;
    const team = await knownSubscriber(product, teamId, { from: monthOf(0).start, former });
    teams.push({ ...team, former, amount: former ? 2_000_000 + number : number });
  }
});

async function use(month: Period): Promise<void> {
  for (const { teamId, amount } of teams) await track(product, month, teamId, 50_000 + amount);
}

/** One item for each record, of its amount; one invoice for each that has no subscription. */
async function eachIsBilledOnce({ id: period }: Period): Promise<void> {
  const { pool, stripe } = product;
  const { rows } = await pool.query<{
    team: string;
    status: string;
    item: string;
    invoice: string;
  }>(
    `select team_id as team, status, stripe_invoice_item_id as item, stripe_invoice_id as invoice
       from tagih.usage_billings where period = $1 order by team_id`,
    [period],
  );
  expect(rows.map(({ team, status }) => [team, status])).toEqual(
    teams.map(({ teamId, former }) => [teamId, former ? 'billed' : 'pending']),
  );
  for (const [index, { customerId: customer, former, amount }] of teams.entries()) {
    const record = rows[index];
    const items = await stripe.invoiceItems.list({ customer, limit: 100 });
    const ofUsage = items.data.filter(({ metadata }) => metadata?.['tagih_period'] === period);
    expect(ofUsage.map(({ id, amount }) => [id, amount])).toEqual([[record?.item, amount]]);
    const invoices = await stripe.invoices.list({ customer, limit: 100 });
    const own = invoices.data.filter(({ metadata }) => metadata?.['tagih_period'] === period);
    expect(own.map(({ id, total }) => [id, total])).toEqual(
      former ? [[record?.invoice, amount]] : [],
    );
  }
}

async function close({ id }: Period): Promise<void> {
  await askToClose(product, id);
  await closesAreOver(product);
}

/** What Stripe, or the way to it, may do to a request. */
const fault = fc.constantFrom(
  { kind: 'error', status: 429 },
  { kind: 'error', status: 503 },
  { kind: 'error', status: 500, after: true },
  { kind: 'error', status: 500, stored: true },
  { kind: 'error', status: 500, stored: true, after: true },
  { kind: 'timeout' },
  { kind: 'timeout', after: true },
  { kind: 'reset' },
  { kind: 'reset', after: true },
);

const call = fc.constantFrom('invoice', 'overage', 'finalize');

const sequences = fc.record({
  /** One for each team; of those with a subscription it strikes their one call. */
  strikes: fc.array(fc.record({ fault, call }), {
    minLength: SUBSCRIBERS + FORMER,
    maxLength: SUBSCRIBERS + FORMER,
  }),
  /** Of looks for what is there already. */
  looks: fc.array(fault, { minLength: 4, maxLength: 4 }),
});

type Sequences = typeof sequences extends fc.Arbitrary<infer S> ? S : never;

/**
 * Each team is struck once. Of the tries that follow some find looks unanswered, the first ones the keys forgotten;
 * later ones are repeated what Stripe has stored.
 */
async function closeUnder(month: Period, { strikes, looks }: Sequences): Promise<void> {
  const { control } = product;
  const strike = (given: object) => control('POST', '/faults', { times: 1, ...given });
  for (const [index, { teamId, former }] of teams.entries()) {
    const { fault, call } = strikes[index] ?? {};
    const idempotencyKey = `^tagih:${former ? call : 'overage'}:${teamId}:${month.id}:`;
    await strike({ path: '^/v1/', idempotencyKey, ...fault });
  }
  const coming = looks.values();
  let failures = 0;
  afterFailure = async () => {
    failures += 1;
    if ([1, 3, 5].includes(failures)) return control('DELETE', '/idempotency-keys');
    const { value: look } = coming.next();
    return look && strike({ method: 'GET', path: '^/v1/invoiceitems$', ...look });
  };
  await close(month);
  afterFailure = async () => {};
  const unused = await control('GET', '/faults');
  await control('DELETE', '/faults');
  await eachIsBilledOnce(month);
  expect(unused).toEqual([]);
}

/** Closes once more a month of which the ledger knows no more that anything was tried, as after a restore. */
async function closeAgainFromBackup(month: Period): Promise<void> {
  await product.control('DELETE', '/idempotency-keys');
  await product.pool.query(
    `update tagih.usage_billings set status = 'due', generation = 1, tried_at = null,
       stripe_invoice_item_id = null, stripe_invoice_id = null, billed_at = null
      where period = $1`,
    [month.id],
  );
  await close(month);
  await eachIsBilledOnce(month);
}

test(
  'R34, R35: whatever fails while a month is closed, and is forgotten, each record has one item',
  async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(sequences, async (given) => {
        const month = monthOf(run);
        run += 1;
        await use(month);
        await closeUnder(month, given);
        await closeAgainFromBackup(month);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  },
  60_000 * RUNS,
);

test('R34, R35: a worker that is believed to be dead goes on beside the next, and each record has one item', async () => {
  const month = monthOf(RUNS);
  await use(month);
  await askToClose(product, month.id);
  const billed = async () => {
    const { rows } = await product.pool.query(
      "select from tagih.usage_billings where period = $1 and status <> 'due'",
      [month.id],
    );
    return rows.length;
  };
  for (const done of [5, 20, 35]) {
    await expect.poll(billed, { ...patiently, interval: 10 }).toBeGreaterThan(done);
    await tellOfDeath(product.temporal, `close:${month.id}:1`);
  }
  await closesAreOver(product);
  await eachIsBilledOnce(month);
});
