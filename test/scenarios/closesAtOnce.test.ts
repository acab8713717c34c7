import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { transaction } from '../../src/db/pool.js';
import type { Period } from '../../src/domain/period.js';
import { WorkerProcess } from '../crashes/workerProcess.js';
import {
  askToClose,
  type Billed,
  closesAreOver,
  inOrder,
  itemsOf,
  recordsOf,
  summariesOf,
} from '../support/closes.js';
import { monthsAgo, subscribedIn, track } from '../support/months.js';
import { sharedProduct } from '../support/product.js';
import { freeTeam, patiently } from '../support/stories.js';

const product = sharedProduct({}, { worker: false });
const workers = [new WorkerProcess(), new WorkerProcess()];
beforeAll(async () => {
  const work = { settings: product.settings, workflowBundle: inject('workflowBundle'), ahead: 0 };
  await Promise.all(workers.map((worker) => worker.work(work)));
});
afterAll(() => Promise.all(workers.map((worker) => worker.kill())));

const [before, earlier, later] = [monthsAgo(3), monthsAgo(2), monthsAgo(1)];

/** Both months are closed, by two who ask for both: neither writes a record before the other is about to. */
async function closeBothAtOnce(): Promise<void> {
  await transaction(product.pool, async (db) => {
    await db.query('select from tagih.teams for update');
    await Promise.all([earlier, later, later, earlier].map(({ id }) => askToClose(product, id)));
    const waiting = async () => {
      const { rows } = await product.pool.query(
        `select from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return rows.length;
    };
    await expect.poll(waiting, patiently).toBe(2);
  });
  await closesAreOver(product);
}

test('two callers ask two workers for two months at once: each record, item and mail is there once (R32, R34, R36)', async () => {
  const subscribers = await Promise.all(
    Array.from({ length: 4 }, () => subscribedIn(product, earlier, 'pro')),
  );
  // Stripe does not know it: the 5 that it owes of the month before are carried to the first of the two.
  const unknown = await freeTeam(product);
  await product.pool.query(
    `insert into tagih.plan_periods (team_id, subscription_id, plan, starts_at)
     values ($1, 'sub', 'pro', $2)`,
    [unknown, before.start],
  );
  await track(product, before, unknown, 50_005);
  await askToClose(product, before.id);
  await closesAreOver(product);

  const expected: Billed[] = [];
  const use = async (month: Period, team: string, over: number, carried = 0) => {
    const tokens = 50_000 + over;
    await track(product, month, team, tokens);
    const status = team === unknown ? 'carried_forward' : 'pending';
    expected.push({ team, period: month.id, tokens, amount: over + carried, status });
  };
  for (const month of [earlier, later]) {
    for (const { teamId } of subscribers) await use(month, teamId, 100 + expected.length);
  }
  await use(earlier, unknown, 1, 5);
  await use(later, unknown, 1);
  await closeBothAtOnce();

  const periods = [earlier.id, later.id];
  expect(await recordsOf(product, periods)).toEqual(inOrder(expected));
  for (const { teamId, customerId } of subscribers) {
    const own = expected.filter(({ team }) => team === teamId);
    expect(await itemsOf(product, customerId)).toEqual(
      own.map(({ period, amount }) => `${period} ${amount}`).toSorted(),
    );
  }
  const sent = await summariesOf(product, periods);
  expect(Object.fromEntries(sent)).toEqual(
    Object.fromEntries(expected.map(({ team, period }) => [`${team} ${period}`, 1])),
  );
});
