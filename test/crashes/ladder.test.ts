import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import type { Settings } from '../../src/config.js';
import { newTeam, type TeamState } from '../../src/domain/team.js';
import { historiesOf, recorded } from '../support/histories.js';
import { sharedProduct } from '../support/product.js';
import { breakCard, patiently, renew, sent } from '../support/stories.js';
import { type Climber, climb, climber } from './climb.js';
import { crash } from './death.js';
import { stepsOf } from './points.js';
import { retold } from './retold.js';
import { type Hold, WorkerProcess } from './workerProcess.js';

// Five kills, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const DAY = 86_400_000;

type Point = Pick<Hold, 'step' | 'when'>;

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];
const histories = [...recorded()];
const stepsIn = (runs: RegExp) =>
  unique(histories.flatMap(([name, run]) => (runs.test(name) ? stepsOf(run).steps : [])));
const aroundEach = (steps: readonly string[]): Point[] =>
  steps.flatMap((step) => [
    { step, when: 'before' },
    { step, when: 'after' },
  ]);

/** For three kills, one after the other. */
const thirds = (points: readonly Point[]): Point[][] =>
  [0, 1, 2].map((third) =>
    points.slice((third * points.length) / 3, ((third + 1) * points.length) / 3),
  );

const ladder = stepsIn(/^ladder-\d/);
/** The steps of a waiver that a ladder which is paid does not take. */
const waiver = stepsIn(/^acts-\d/).filter((step) => /write_?off/i.test(step));
const mailing = stepsIn(/^mailer-\d/);

const product = sharedProduct({ DUNNING_INTERVALS: '3d,5d' }, { worker: false });
let worker: WorkerProcess;
let spare = new WorkerProcess();
beforeAll(() => startNextWorker());
afterAll(() => Promise.all([worker?.kill(), spare.kill()]));

/** Teams, and where each is held; one without a point is not. */
type Plan = readonly { team: Climber; point?: Point | undefined }[];

const heldAt = (teams: readonly Climber[], points: readonly Point[] = []): Plan =>
  teams.map((team, index) => ({ team, point: points[index] }));

const workflowOf = (teamId: string) => `subscription:${teamId}`;

/** What teams have begun; it may be over only when they are held no more. */
const begun: Promise<unknown>[] = [];

/** Holds the teams of a plan from its first activity on. */
async function startNextWorker(plan: Plan = [], settings: Partial<Settings> = {}, ahead = 0) {
  worker = spare;
  await hold(plan);
  const workflowBundle = inject('workflowBundle');
  await worker.work({ settings: { ...product.settings, ...settings }, workflowBundle, ahead });
  spare = new WorkerProcess();
}

async function hold(plan: Plan = []): Promise<void> {
  const { rows } = await product.pool.query<{ id: string; state: TeamState | null }>(
    'select id, state from tagih.teams',
  );
  const states = new Map(rows.map(({ id, state }) => [id, state]));
  const holds = plan.flatMap(({ team: { teamId }, point }) => {
    if (point === undefined) return [];
    const state = states.get(teamId) ?? newTeam(teamId, null);
    return [{ ...point, state, workflowId: workflowOf(teamId) }];
  });
  await worker.hold(holds);
}

/** Each team climbs to its point, or to the end of its story; then nothing is under way, and no mail waits. */
async function climbToPoints(plan: Plan = []): Promise<void> {
  const teams = plan.map(({ team }) => team);
  begun.push(...(await climb(product, teams, worker.held)));
  const missed = plan.filter(
    ({ team, point }) => point && !worker.held.has(workflowOf(team.teamId)),
  );
  expect(missed.map(({ point }) => point)).toEqual([]);
  await expect.poll(mailsThatWait, patiently).toBe(0);
  const mailer = product.temporal.workflow.getHandle('mailer');
  const isOver = async () => (await mailer.describe()).status.name;
  await expect.poll(isOver, patiently).toBe('COMPLETED');
}

async function mailsThatWait(): Promise<number> {
  const { rows } = await product.pool.query<{ id: string }>(
    'select id from tagih.emails where sent_at is null and refused is null',
  );
  return rows.length;
}

/** The team has a mail, which is held on its way to Postmark. */
async function holdMail(team: Climber, when: (typeof mailPoints)[number]): Promise<void> {
  const [step = ''] = mailing;
  const mailer = { workflowId: 'mailer', step, state: newTeam('', null) };
  await worker.hold([{ ...mailer, when: when === 'before' ? 'before' : 'after' }]);
  // During: Postmark sends it, and its answer does not come.
  const fault = { path: '^/email', kind: 'timeout', after: true };
  if (when === 'during') await product.control('POST', '/faults', fault);
  await breakCard(product, team);
  await renew(product, team);
  const isThere = async () =>
    when === 'during' ? (await sent(product, team.teamId)).length > 0 : worker.held.has('mailer');
  await expect.poll(isThere, patiently).toBe(true);
  worker.held.add('mailer');
}

/** What was held is not heard of any more, and another worker goes on, up to the points of another plan. */
async function replaceWorker(...next: Parameters<typeof startNextWorker>): Promise<void> {
  const { rows } = await product.pool.query<{ id: string }>('select id from tagih.teams');
  const teams = rows.map(({ id }) => workflowOf(id));
  await crash(product, worker, teams);
  await startNextWorker(...next);
}

const paidStory = {
  charges: ['succeeded', 'failed', 'failed', 'failed', 'succeeded'],
  mails: ['account-locked', 'payment-critical', 'payment-recovered', 'payment-warning'],
};

const several = (story: Climber['story'], number: number) =>
  Promise.all(Array.from({ length: number }, () => climber(product, story)));

test('each activity of a team and of the mails has its points', () => {
  const activities = (steps: readonly string[]) =>
    unique(steps.map((step) => /^\w+/.exec(step)?.[0])).toSorted();
  const known = histories
    .map(([, run]) => stepsOf(run))
    .filter(({ workflow }) => ['subscription', 'mailer'].includes(workflow));
  expect(activities([...ladder, ...waiver, ...mailing])).toEqual(
    activities(known.flatMap(({ steps }) => steps)),
  );
});

const mailPoints = ['before', 'during', 'after'] as const;

test('R22, R35, R36: killed before and after each step of a ladder, each thing happens once', async () => {
  const ladderPoints = thirds(aroundEach(ladder));
  const waiverPoints = thirds(aroundEach(waiver));
  const [paid, waived, mailed, untouched] = await Promise.all([
    several('paid', ladderPoints[0]?.length ?? 0),
    several('waived', waiverPoints[0]?.length ?? 0),
    Promise.all(mailPoints.map(async (when) => ({ when, team: await climber(product, 'waived') }))),
    Promise.all([climber(product, 'paid'), climber(product, 'waived')]),
  ]);
  const teams = [...paid, ...waived];
  const all = [...teams, ...mailed.map(({ team }) => team), ...untouched];
  await climb(product, all, worker.held, 1);
  const plans = [0, 1, 2, 3].map((kills) => [
    ...heldAt(paid, ladderPoints[kills]),
    ...heldAt(waived, waiverPoints[kills]),
    ...heldAt(untouched),
  ]);
  await hold(plans[0]);
  for (const [kills, { when, team }] of mailed.entries()) {
    await climbToPoints(plans[kills]);
    await holdMail(team, when);
    await replaceWorker(plans[kills + 1]);
  }
  await climbToPoints(heldAt(teams));
  await Promise.all(begun);

  const [asPaid, asWaived] = await Promise.all(untouched.map((team) => retold(product, team)));
  expect(asPaid).toMatchObject(paidStory);
  for (const team of teams) {
    expect.soft(await retold(product, team)).toEqual(team.story === 'paid' ? asPaid : asWaived);
  }
  expect(await Promise.all(mailed.map(({ team }) => sent(product, team.teamId)))).toEqual([
    ['payment-warning'],
    // The one window of a double mail: Postmark has it, and the row does not know.
    ['payment-warning', 'payment-warning'],
    ['payment-warning'],
  ]);
  // A ladder of today takes no step that was not struck.
  for (const { teamId } of untouched) {
    const runs = await historiesOf(product.temporal, `subscription:${teamId}`);
    expect([...ladder, ...waiver]).toEqual(
      expect.arrayContaining(runs.flatMap((run) => stepsOf(run).steps)),
    );
  }
});

test('R35: killed around an attempt whose key Stripe has forgotten, the attempt is made once', async () => {
  const points = aroundEach(ladder.filter((step) => step.startsWith('attemptPayment')));
  await replaceWorker([], { DUNNING_INTERVALS: [1, 1] });
  // One more, which is held nowhere.
  const teams = await several('paidSoon', points.length + 1);
  const plan = heldAt(teams, points);
  await hold(plan);
  await climbToPoints(plan);
  await product.control('DELETE', '/idempotency-keys');
  await replaceWorker([], {}, DAY);
  await climbToPoints(heldAt(teams));
  const stories = await Promise.all(teams.map((team) => retold(product, team)));
  expect(stories.at(-1)).toMatchObject(paidStory);
  expect(stories).toEqual(stories.map(() => stories.at(-1)));
});
