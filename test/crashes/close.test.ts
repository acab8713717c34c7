import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { newTeam } from '../../src/domain/team.js';
import { historiesOf, recorded } from '../support/histories.js';
import { dayOf, monthsAgo, subscribedIn, track } from '../support/months.js';
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

/** Closes a month, and those before it that nobody has closed (R12). */
async function close(period: string): Promise<void> {
  const { status } = await product.api('POST', '/api/v1/closes', { period });
  expect(status).toBe(202);
}

/** Two ask for it at once, while it is under way; later it is closed once more. */
async function closeOverAndOver(period: string): Promise<void> {
  await Promise.all([close(period), close(period)]);
  await isOver();
  await close(period);
  await isOver();
}

/** All months that were begun are closed, and all mails sent. */
async function isOver(): Promise<void> {
  const running = async () => {
    const { rows } = await product.pool.query<{ period: string; status: string }>(
      "select period, status from tagih.closes where status <> 'completed'",
    );
    return rows;
  };
  await expect.poll(running, { ...patiently, timeout: 60_000 }).toEqual([]);
  await allIsSent();
}

async function allIsSent(): Promise<void> {
  const waiting = async () => {
    const { rows } = await product.pool.query('select from tagih.emails where sent_at is null');
    return rows.length;
  };
  await expect.poll(waiting, patiently).toBe(0);
}

interface Billed {
  team: string;
  period: string;
  tokens: number;
  amount: number;
  status: string;
}

/** The records of months, by team and month. */
async function records(periods: readonly string[]): Promise<Billed[]> {
  const { rows } = await product.pool.query<Billed>(
    `select team_id as team, period, used_tokens::int as tokens, amount_due::int as amount, status
       from tagih.usage_billings where period = any($1) and used_tokens > 0
      order by team_id, period`,
    [periods],
  );
  return rows;
}

const inOrder = (billed: readonly Billed[]): Billed[] =>
  billed.toSorted((a, b) => (`${a.team} ${a.period}` < `${b.team} ${b.period}` ? -1 : 1));

/** What is on Stripe for a customer's usage, as `month amount`. */
async function items(customer: string): Promise<string[]> {
  const { data } = await product.stripe.invoiceItems.list({ customer, limit: 100 });
  return data
    .flatMap(({ metadata, amount }) =>
      metadata?.['tagih_period'] ? [`${metadata['tagih_period']} ${amount}`] : [],
    )
    .toSorted();
}

const sorted = (steps: readonly string[]): string[] => [...new Set(steps)].toSorted();

/** The steps of a close and of its first page as it is now, where recorded ones are of before. */
async function stepsToday(workflowId: string): Promise<string[]> {
  const ids = [workflowId, `${workflowId}:1`];
  const runs = await Promise.all(ids.map((id) => historiesOf(product.temporal, id)));
  return sorted(runs.flat().flatMap((run) => stepsOf(run).steps));
}

/** How often each summary was given to Postmark, by `team month`. */
async function summaries(periods: readonly string[]): Promise<Map<string, number>> {
  const mails = await product.control<{ tag: string; metadata: Record<string, string> }[]>(
    'GET',
    '/mails',
  );
  const counts = new Map<string, number>();
  for (const { tag, metadata } of mails) {
    const name = `${metadata['teamId']} ${metadata['cause']}`;
    if (tag !== 'monthly-summary' || !periods.includes(metadata['cause'] ?? '')) continue;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

test('R32, R34, R36: killed before and after each step, each month has its records, items and mails once', async () => {
  const oldest = months.at(-1);
  if (oldest === undefined) throw new Error('there are twenty');
  const [pro, enterprise] = await Promise.all([
    subscribedIn(product, oldest, 'pro'),
    subscribedIn(product, oldest, 'enterprise'),
  ]);
  const free = { teamId: await freeTeam(product) };
  const expected: Billed[] = [];
  for (const [index, month] of months.entries()) {
    const used = [
      { team: pro.teamId, tokens: 50_101 + index, amount: 101 + index, status: 'pending' },
      { team: enterprise.teamId, tokens: 500_201 + index, amount: 201 + index, status: 'pending' },
      { team: free.teamId, tokens: 301 + index, amount: 0, status: 'nothing_due' },
    ];
    for (const billed of used) {
      await track(product, month, billed.team, billed.tokens);
      expected.push({ ...billed, period: month.id });
    }
  }
  const closes = months.map(({ id }) => `close:${id}`);
  const held = points.map(({ workflow, step, when }, index) => {
    const workflowId = workflow === 'billPage' ? `${closes[index]}:1` : `${closes[index]}`;
    return { workflowId, step, when };
  });
  await hold(held);
  await close(months[0]?.id ?? '');
  const missed = () => held.filter(({ workflowId }) => !worker.held.has(workflowId));
  await expect.poll(missed, { ...patiently, timeout: 60_000 }).toEqual([]);
  await allIsSent();
  await crash(product, worker, ['mailer', ...closes, ...closes.map((id) => `${id}:1`)]);
  await startNextWorker();
  await closeOverAndOver(months[0]?.id ?? '');

  const periods = months.map(({ id }) => id);
  expect(await records(periods)).toEqual(inOrder(expected));
  for (const { teamId, customerId } of [pro, enterprise]) {
    const own = expected.filter(({ team }) => team === teamId);
    expect(await items(customerId)).toEqual(
      own.map(({ period, amount }) => `${period} ${amount}`).toSorted(),
    );
  }
  const sent = await summaries(periods);
  expect([...sent.values()]).toEqual(expected.map(() => 1));
  expect(await stepsToday(`${closes[0]}`)).toEqual(sorted(points.map(({ step }) => step)));
});

/** One more than a page, of teams that Stripe does not know. */
const UNKNOWN = 501;
const BATCH = 500;

/** Teams that held Pro in a month, and used a little more. */
async function unknownTeams(tokens: number): Promise<string[]> {
  const { rows } = await product.pool.query<{ id: string }>(
    `with made as (
       insert into tagih.teams (id, name, admin_email)
       select 'a_' || n, 'Acme', n || '@admin.example' from generate_series(1, $1) n returning id),
     held as (
       insert into tagih.plan_periods (team_id, subscription_id, plan, starts_at)
       select id, 'sub', 'pro', $2 from made)
     select id from made order by id`,
    [UNKNOWN, last?.start],
  );
  const events = rows.map(({ id: teamId }) => ({
    teamId,
    idempotencyKey: teamId,
    tokens,
    occurredAt: last && dayOf(last, 10),
  }));
  const { status } = await product.api('POST', '/api/v1/usage/batch', { events });
  expect(status).toBe(200);
  return rows.map(({ id }) => id);
}

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
  for (const team of await unknownTeams(50_007)) {
    expected.push({ team, period, tokens: 50_007, amount: 7, status: 'carried_forward' });
  }

  // Mails about what is used up go first.
  await allIsSent();

  for (const { teamId, call, after } of cutTeams) {
    const idempotencyKey = `^tagih:${call}:${teamId}:`;
    const fault = { path: '^/v1/', idempotencyKey, after, kind: 'timeout', times: 1 };
    await product.control('POST', '/faults', fault);
  }
  await product.control('POST', '/faults', { path: '^/email', kind: 'timeout', after: true });
  const closing = `close:${period}`;
  await hold([{ workflowId: `${closing}:1`, step: 'billOverage', when: 'after' }]);
  await close(period);
  await expect
    .poll(
      async () => ({
        pageIsDone: worker.held.has(`${closing}:1`),
        cuts: (await product.control<{ path: string }[]>('GET', '/faults')).map(({ path }) => path),
        mails: (await summaries([period])).size,
      }),
      { ...patiently, timeout: 60_000 },
    )
    .toEqual({ pageIsDone: true, cuts: ['^/email'], mails: BATCH });
  await crash(product, worker, ['mailer', closing, `${closing}:1`, `${closing}:2`]);
  // As a day later: nothing is left to protect from a second item or invoice but the looks at Stripe.
  await product.control('DELETE', '/idempotency-keys');
  await startNextWorker();
  await closeOverAndOver(period);

  expect(await records([period])).toEqual(inOrder(expected));
  for (const { customerId, ended, amount } of cutTeams) {
    expect(await items(customerId)).toEqual([`${period} ${amount}`]);
    const { data } = await product.stripe.invoices.list({ customer: customerId });
    const own = data.filter(({ metadata }) => metadata?.['tagih_period'] === period);
    expect(own.map(({ total }) => total)).toEqual(ended ? [amount] : []);
  }
  const { rows: mails } = await product.pool.query(
    "select from tagih.emails where kind = 'monthly-summary' and cause = $1",
    [period],
  );
  expect(mails.length).toBeGreaterThanOrEqual(expected.length);
  const sent = [...(await summaries([period])).values()].toSorted();
  // Twice: what Postmark had taken and nobody had marked yet.
  expect(sent).toEqual(mails.map((_, index) => (index < mails.length - BATCH ? 1 : 2)));
});
