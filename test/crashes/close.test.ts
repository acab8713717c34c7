import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import type { Period } from '../../src/domain/period.js';
import { newTeam } from '../../src/domain/team.js';
import {
  askToClose,
  type Billed,
  closesAreOver,
  inOrder,
  itemsOf,
  mailsAreSent,
  recordsOf,
  summariesOf,
  unknownTeams,
} from '../support/closes.js';
import { historiesOf, recorded } from '../support/histories.js';
import { knownSubscriber } from '../support/knownSubscriber.js';
import { monthsAgo, subscribedIn, track } from '../support/months.js';
import { sharedProduct } from '../support/product.js';
import { freeTeam, patiently } from '../support/stories.js';
import { crash } from './death.js';
import { stepsOf } from './points.js';
import { WorkerProcess } from './workerProcess.js';

// Two kills, and twenty months to bring to their points, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

/** Before and after each activity of a close, and of a page of it. */
const points = [...recorded()]
  .filter(([name]) => /^(close-set-wise|bill-page)-\d/.test(name))
  .flatMap(([, run]) => {
    const { workflow, steps } = stepsOf(run);
    return steps.flatMap((step) => [
      { workflow, step, when: 'before' as const },
      { workflow, step, when: 'after' as const },
    ]);
  });

/** Each point has a month of its own; the last month is for what happens on the way to Stripe and to Postmark. */
const [last, ...months] = [1, ...points.keys().map((index) => index + 2)].map(monthsAgo);
if (last === undefined) throw new Error('a month has ended');

const product = sharedProduct({ RETENTION_MONTHS: String(months.length + 2) }, { worker: false });
let worker: WorkerProcess;
let spare = new WorkerProcess();
beforeAll(() => startNextWorker());
afterAll(() => Promise.all([worker?.kill(), spare.kill()]));

async function startNextWorker(): Promise<void> {
  worker = spare;
  const { settings } = product;
  await worker.work({ settings, workflowBundle: inject('workflowBundle'), ahead: 0 });
  spare = new WorkerProcess();
}

const hold = (holds: readonly { workflowId: string; step: string; when: 'before' | 'after' }[]) =>
  worker.hold(holds.map((point) => ({ ...point, state: newTeam('', null) })));

/** Two ask for it at once, while it is under way; later it is closed once more. */
async function closeOverAndOver(period: string): Promise<void> {
  await Promise.all([askToClose(product, period), askToClose(product, period)]);
  await closesAreOver(product);
  await askToClose(product, period);
  await closesAreOver(product);
}

const sorted = (steps: readonly string[]): string[] => [...new Set(steps)].toSorted();

/** The steps of a close and of its first page as it is now, where recorded ones are of before. */
async function stepsToday(workflowId: string): Promise<string[]> {
  const ids = [workflowId, `${workflowId}:1`];
  const runs = await Promise.all(ids.map((id) => historiesOf(product.temporal, id)));
  return sorted(runs.flat().flatMap((run) => stepsOf(run).steps));
}

/** One more than a page, of teams that Stripe does not know. */
const UNKNOWN = 501;
const BATCH = 500;

test('R34, R36: killed between pages and around each call to Stripe and Postmark, nothing is made twice but one batch of mails', async () => {
  // A subscriber has an item on the next invoice; whose subscription has ended, an invoice of their own.
  const calls = [
    { call: 'overage', ended: false },
    { call: 'invoice', ended: true },
    { call: 'overage', ended: true },
    { call: 'finalize', ended: true },
  ];
  const cuts = calls.flatMap((cut) => [
    { ...cut, after: false },
    { ...cut, after: true },
  ]);
  const period = last.id;
  const cutTeams = await Promise.all(
    cuts.map(async (cut, index) => {
      const team = await subscribedIn(product, last, 'pro');
      const amount = 2_000_000 + index;
      await track(product, last, team.teamId, 50_000 + amount);
      if (cut.ended) {
        await product.stripe.subscriptions.cancel(team.subscriptionId);
        await product.until(team.teamId, ({ tier }) => expect(tier).toBe('free'));
      }
      return { ...cut, ...team, amount };
    }),
  );
  const expected: Billed[] = cutTeams.map(({ teamId: team, amount, ended }) => ({
    team,
    period,
    tokens: 50_000 + amount,
    amount,
    status: ended ? 'billed' : 'pending',
  }));
  for (const team of await unknownTeams(product, last, UNKNOWN, 50_007)) {
    expected.push({ team, period, tokens: 50_007, amount: 7, status: 'carried_forward' });
  }

  // Mails about what is used up go first.
  await mailsAreSent(product);

  for (const { teamId, call, after } of cutTeams) {
    const idempotencyKey = `^tagih:${call}:${teamId}:`;
    const fault = { path: '^/v1/', idempotencyKey, after, kind: 'timeout', times: 1 };
    await product.control('POST', '/faults', fault);
  }
  await product.control('POST', '/faults', { path: '^/email', kind: 'timeout', after: true });
  const closing = `close:${period}`;
  await hold([{ workflowId: `${closing}:1`, step: 'billOverage', when: 'after' }]);
  await askToClose(product, period);
  await expect
    .poll(
      async () => ({
        pageIsDone: worker.held.has(`${closing}:1`),
        cuts: (await product.control<{ path: string }[]>('GET', '/faults')).map(({ path }) => path),
        mails: (await summariesOf(product, [period])).size,
      }),
      { ...patiently, timeout: 60_000 },
    )
    .toEqual({ pageIsDone: true, cuts: ['^/email'], mails: BATCH });
  await crash(product, worker, ['mailer', closing, `${closing}:1`, `${closing}:2`]);
  // As a day later: nothing is left to protect from a second item or invoice but the looks at Stripe.
  await product.control('DELETE', '/idempotency-keys');
  await startNextWorker();
  await closeOverAndOver(period);

  expect(await recordsOf(product, [period])).toEqual(inOrder(expected));
  for (const { customerId, ended, amount } of cutTeams) {
    expect(await itemsOf(product, customerId)).toEqual([`${period} ${amount}`]);
    const { data } = await product.stripe.invoices.list({ customer: customerId });
    const own = data.filter(({ metadata }) => metadata?.['tagih_period'] === period);
    expect(own.map(({ total }) => total)).toEqual(ended ? [amount] : []);
  }
  const { rows: mails } = await product.pool.query(
    "select from tagih.emails where kind = 'monthly-summary' and cause = $1",
    [period],
  );
  expect(mails.length).toBeGreaterThanOrEqual(expected.length);
  const sent = [...(await summariesOf(product, [period])).values()].toSorted();
  // Twice: what Postmark had taken and nobody had marked yet.
  expect(sent).toEqual(mails.map((_, index) => (index < mails.length - BATCH ? 1 : 2)));
});

/**
 * A team on a plan and one on none, with a record of this month alone, and in a range of their own: the close of
 * a later month, which writes the records that its own teams lack of earlier ones, does nothing for them.
 */
async function teamsOf(month: Period, index: number): Promise<(Billed & { customer?: string })[]> {
  const { id: period, start: from, end: to } = month;
  const [{ teamId: team, customerId: customer }, free] = await Promise.all([
    knownSubscriber(product, `${period}_pro`, { from, to }),
    freeTeam(product, `${period}_free`),
  ]);
  const amount = 101 + index;
  const tokens = 50_000 + amount;
  await track(product, month, team, tokens);
  await track(product, month, free, 301);
  return [
    { team, customer, period, tokens, amount, status: 'pending' },
    { team: free, period, tokens: 301, amount: 0, status: 'nothing_due' },
  ];
}

test('R32, R34, R36: killed before and after each step, each month has its records, items and mails once', async () => {
  await product.control('POST', '/webhooks', { paused: true });
  const expected = (await Promise.all(months.map(teamsOf))).flat();
  const closes = months.map(({ id }) => `close:${id}`);
  const held = points.map(({ workflow, step, when }, index) => {
    const workflowId = workflow === 'billPage' ? `${closes[index]}:1` : `${closes[index]}`;
    return { workflowId, step, when };
  });
  await hold(held);
  await askToClose(product, months[0]?.id ?? '');
  const missed = () => held.filter(({ workflowId }) => !worker.held.has(workflowId));
  await expect.poll(missed, { ...patiently, timeout: 60_000 }).toEqual([]);
  await mailsAreSent(product);
  await crash(product, worker, ['mailer', ...closes, ...closes.map((id) => `${id}:1`)]);
  await startNextWorker();
  await closeOverAndOver(months[0]?.id ?? '');

  const periods = months.map(({ id }) => id);
  expect(await recordsOf(product, periods)).toEqual(
    inOrder(expected.map(({ customer: _, ...billed }) => billed)),
  );
  for (const { customer, period, amount } of expected) {
    if (customer === undefined) continue;
    expect(await itemsOf(product, customer)).toEqual([`${period} ${amount}`]);
  }
  const sent = await summariesOf(product, periods);
  expect([...sent.values()]).toEqual(expected.map(() => 1));
  expect(await stepsToday(`${closes[0]}`)).toEqual(sorted(points.map(({ step }) => step)));
});
