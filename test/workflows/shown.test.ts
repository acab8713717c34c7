import type { WorkflowExecutionInfo, WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { beforeAll, expect, test, vi } from 'vitest';
import * as workflows from '../../workflows/index.js';
import { monthsAgo, subscribedIn, track } from '../support/months.js';
import { sharedProduct } from '../support/product.js';
import {
  breakCard,
  changePlan,
  fixCard,
  lastCharge,
  patiently,
  renew,
  type Subscriber,
  settled,
  subscriber,
  timeline,
} from '../support/stories.js';
import { passTime } from '../support/timeSkipping.js';

const product = sharedProduct({ DUNNING_INTERVALS: '3d,5d' });

const month = monthsAgo(1);
const customer = { name: 'Siti Rahmawati', phone: '+62 811 2345 678' };
/** Postmark refuses every address of this name. */
const host = { name: 'Toko Maju Jaya', adminEmail: 'inactive@tokomaju.example' };
/** Names, telephones, and whatever looks like an e-mail address. */
const PERSONAL = /Siti|Rahmawati|2345 678|Maju|[\w.+-]+@[\w-]+(\.[\w-]+)*\.[A-Za-z]{2}/;

/** The customer has a name and a telephone at Stripe, the team a name and an address here. */
async function introduce({ teamId, customerId }: Subscriber): Promise<void> {
  await product.stripe.customers.update(customerId, customer);
  await product.api('PUT', `/api/v1/teams/${teamId}`, host);
}

/** A request fails once, with an answer that quotes people, as those of Stripe and Postmark may. */
async function failOnce(path: string): Promise<void> {
  const message = `Not for ${customer.name} <${host.adminEmail}>`;
  const body = { error: { type: 'api_error', message }, ErrorCode: 500, Message: message };
  await product.control('POST', '/faults', { kind: 'error', path, status: 500, times: 1, body });
}

/** The renewal of a team that has people in it fails. */
async function owing(): Promise<Subscriber> {
  const team = await subscriber(product);
  await introduce(team);
  await breakCard(product, team);
  await renew(product, team);
  await product.until(team.teamId, ({ dunning }) => expect(dunning?.strike).toBe(1));
  return team;
}

async function act({ teamId }: Subscriber, action: string, more = {}): Promise<void> {
  const path = `/api/v1/teams/${teamId}/actions/${action}`;
  const who = { actor: 'operator-7', reason: 'ticket 4711', ...more };
  expect((await product.api('POST', path, who)).status).toBe(200);
}

/** A ladder to its end and back with all that operators do, a larger plan, a dispute. */
async function lockedAndDisputed(): Promise<void> {
  const team = await owing();
  await failOnce('^/v1/subscriptions');
  await act(team, 'resync');
  await act(team, 'retry-payment');
  await act(team, 'pause-dunning');
  await act(team, 'resume-dunning');
  const until = new Date(Date.now() + 4 * 86_400_000).toISOString();
  await act(team, 'extend-grace', { until });
  for (const strike of [2, 3]) {
    await passTime(product.temporal, `subscription:${team.teamId}`, 5);
    await product.until(team.teamId, ({ dunning }) => expect(dunning?.strike).toBe(strike));
  }
  await fixCard(product, team);
  await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
  expect((await changePlan(product, team.teamId, 'enterprise')).status).toBe(200);
  const { id } = await lastCharge(product, team);
  await product.control('POST', `/charges/${id}/dispute`);
  const last = async () => (await timeline(product, team.teamId)).at(-1)?.kind;
  await vi.waitFor(async () => expect(await last()).toBe('dispute_opened'), patiently);
  await settled(product, team.teamId);
}

async function waived(): Promise<void> {
  await failOnce('^/email');
  const team = await owing();
  await act(team, 'waive');
  await settled(product, team.teamId);
}

/** Overage in the month before. */
async function usesMore(): Promise<void> {
  const team = await subscribedIn(product, month, 'pro');
  await introduce(team);
  await track(product, month, team.teamId, 60_000);
  await settled(product, team.teamId);
}

/** What all schedules start, the close first: it would wait for what is being read, ten seconds a look. */
async function runSchedules(): Promise<void> {
  const { schedule } = product.temporal;
  const end = new Date(month.end.getTime() + 86_400_000);
  const closes = schedule.getHandle('monthly-close');
  await closes.backfill({ start: month.end, end, overlap: 'ALLOW_ALL' });
  const close = async () => (await product.api('GET', `/api/v1/closes/${month.id}`)).body;
  await vi.waitFor(async () => expect((await close()).status).toBe('completed'), patiently);
  await schedule.getHandle('reconciliation').trigger();
  await schedule.getHandle('usage-retention').trigger();
}

/** The texts of a history, with its payloads read: inputs, results, memo, attributes, summaries, failures. */
function textsOf(value: unknown, key = ''): string[] {
  if (typeof value === 'string') {
    // Which machine it ran on is no person's.
    if (key === 'identity') return [];
    return [key === 'data' ? Buffer.from(value, 'base64').toString() : value];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, of]) => textsOf(of, name));
}

/** All runs of all workflows. */
async function runs(): Promise<WorkflowExecutionInfo[]> {
  const listed = [];
  for await (const run of product.temporal.workflow.list()) listed.push(run);
  return listed;
}

interface Kept {
  workflowId: string;
  history: Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;
  /** Static details and current ones: a run that another has gone on in has both in the latter. */
  details: string;
  memo: Record<string, unknown> | undefined;
}

async function keptOf(workflowId: string, runId: string): Promise<Kept> {
  const handle = product.temporal.workflow.getHandle(workflowId, runId);
  const [history, { memo, staticDetails }, { currentDetails }] = await Promise.all([
    handle.fetchHistory(),
    handle.describe(),
    handle.query<{ currentDetails: string }>('__temporal_workflow_metadata'),
  ]);
  const details = [await staticDetails(), currentDetails].join('\n');
  return { workflowId, history, details, memo };
}

let kept: Kept[];
beforeAll(async () => {
  await Promise.all([lockedAndDisputed(), waived(), usesMore()]);
  await runSchedules();
  const types = async () => [...new Set((await runs()).map(({ type }) => type))].toSorted();
  // Pages of that type are those of closes that began before there were others.
  const all = Object.keys(workflows)
    .filter((type) => type !== 'closePage')
    .toSorted();
  await vi.waitFor(async () => expect(await types()).toEqual(all), patiently);
  kept = await Promise.all((await runs()).map((run) => keptOf(run.workflowId, run.runId)));
});

test('R21: nothing that Temporal keeps of a team names a person, whatever has happened', () => {
  const texts = kept.flatMap(({ history, details, memo }) => [
    ...textsOf(JSON.parse(historyToJSON(history))),
    details,
    JSON.stringify(memo ?? {}),
  ]);
  // Payloads, summaries and failures have been read.
  for (const known of ['operator-7', 'Write turn', 'StripeAPIError 500', 'Postmark: Internal']) {
    expect(texts.some((text) => text.includes(known))).toBe(true);
  }
  expect(texts.filter((text) => PERSONAL.test(text))).toEqual([]);
});

test('every workflow says what operators may do about it', () => {
  const silent = kept.filter(({ details }) => !details.includes('**You may**'));
  expect(silent.map(({ workflowId }) => workflowId)).toEqual([]);
});

test('every activity and every timer says what it is for', () => {
  const unnamed = kept.flatMap(({ workflowId, history }) =>
    (history.events ?? []).flatMap((event) => {
      const { activityTaskScheduledEventAttributes: activity, timerStartedEventAttributes } = event;
      if ((!activity && !timerStartedEventAttributes) || event.userMetadata?.summary) return [];
      return `${workflowId}: ${activity?.activityType?.name ?? 'a timer'}`;
    }),
  );
  expect(unnamed).toEqual([]);
});
