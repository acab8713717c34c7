import { afterEach, expect, test } from 'vitest';
import { monthsAgo, recordOf, subscribedIn, track } from '../support/months.js';
import { sharedProduct } from '../support/product.js';
import {
  attempts,
  breakCard,
  patiently,
  renew,
  sent,
  settled,
  subscriber,
  unpaid,
} from '../support/stories.js';
import { passTime } from '../support/timeSkipping.js';

const product = sharedProduct({ DUNNING_INTERVALS: '3d,5d' });
afterEach(() => product.startWorker());

/** Waits until Stripe has told all that it has to tell, and the relay has passed it on. */
async function passedOn() {
  await expect
    .poll(async () => {
      const { pending } = await product.control<{ pending: number }>('GET', '/webhooks');
      const { rowCount } = await product.pool.query('select from tagih.outbox');
      return [pending, rowCount];
    }, patiently)
    .toEqual([0, 0]);
}

test('a worker that is replaced in the middle of a ladder: each stage is entered once', async () => {
  const team = await unpaid(product);
  await product.stopWorker();
  await product.startWorker();
  for (const days of [3, 5]) {
    await settled(product, team.teamId);
    await passTime(product.temporal, `subscription:${team.teamId}`, days);
  }
  await product.until(team.teamId, ({ dunning }) => expect(dunning.strike).toBe(3));
  await settled(product, team.teamId);
  expect(await sent(product, team.teamId)).toEqual([
    'payment-warning',
    'payment-critical',
    'account-locked',
  ]);
  expect(await attempts(product, team.invoiceId)).toHaveLength(2);
});

test('facts that come while no worker runs are taken when one does', async () => {
  const team = await subscriber(product);
  await product.stopWorker();
  await breakCard(product, team);
  const invoiceId = await renew(product, team);
  await passedOn();
  await product.startWorker();
  await product.until(team.teamId, ({ dunning }) => expect(dunning?.invoiceId).toBe(invoiceId));
  await settled(product, team.teamId);
  const { rowCount } = await product.pool.query(
    'select from tagih.stripe_events where team_id = $1 and not ignored and taken_at is null',
    [team.teamId],
  );
  expect(rowCount).toBe(0);
});

test('R26: what was paid while no worker ran is not tried, though the timer was due', async () => {
  const team = await unpaid(product);
  await settled(product, team.teamId);
  await product.stopWorker();
  await passTime(product.temporal, `subscription:${team.teamId}`, 3);
  await product.stripe.invoices.pay(team.invoiceId, { paid_out_of_band: true });
  await passedOn();
  await product.startWorker();
  await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
  await settled(product, team.teamId);
  expect(await attempts(product, team.invoiceId)).toEqual([]);
  expect((await sent(product, team.teamId)).at(-1)).toBe('payment-recovered');
});

test('R32: a worker that is stopped in a page of a close stops after the teams at hand; the next goes on', async () => {
  const month = monthsAgo(1);
  // More than are billed at once.
  const owing = Array.from({ length: 10 }, async () => {
    const { teamId } = await subscribedIn(product, month, 'pro');
    await track(product, month, teamId, 50_001);
    return teamId;
  });
  const teams = (await Promise.all(owing)).toSorted();
  const statuses = () =>
    Promise.all(teams.map(async (teamId) => (await recordOf(product, month, teamId)).status));
  await product.control('POST', '/faults', {
    kind: 'error',
    method: 'POST',
    path: '^/v1/invoiceitems',
    status: 503,
  });
  await product.api('POST', '/api/v1/closes', { period: month.id });
  const faults = () => product.control<{ hits: number }[]>('GET', '/faults');
  await expect.poll(async () => (await faults())[0]?.hits, patiently).toBeGreaterThan(0);

  const brake = await product.pool.connect();
  await brake.query('begin');
  await brake.query('select from tagih.usage_billings where team_id = any($1) for update', [teams]);
  await product.control('DELETE', '/faults');
  await expect
    .poll(async () => {
      const { rowCount } = await product.pool.query(
        `select from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return rowCount;
    }, patiently)
    .toBeGreaterThan(0);
  const stopped = product.stopWorker();
  await brake.query('rollback');
  brake.release();
  await stopped;
  expect(new Set(await statuses())).toEqual(new Set(['pending', 'due']));

  await product.startWorker();
  await expect.poll(statuses, patiently).toEqual(Array(10).fill('pending'));
});
