import { readFileSync } from 'node:fs';
import { defineSearchAttributeKey } from '@temporalio/common';
import { expect, test } from 'vitest';
import { state, updates } from '../../workflows/messages.js';
import { sharedProduct } from '../support/product.js';
import {
  breakCard,
  fixCard,
  patiently,
  renew,
  type Subscriber,
  settled,
  subscriber,
  unpaid,
} from '../support/stories.js';
import { passTime } from '../support/timeSkipping.js';

const product = sharedProduct({ DUNNING_INTERVALS: '3d,5d' });

const workflowOf = ({ teamId }: Subscriber) =>
  product.temporal.workflow.getHandle(`subscription:${teamId}`);

/** The workflows that Temporal UI lists for a query; runs that went on in a new one are over. */
async function found(query: string): Promise<string[]> {
  const ids: string[] = [];
  const running = `${query} AND ExecutionStatus = 'Running'`;
  for await (const { workflowId } of product.temporal.workflow.list({ query: running })) {
    ids.push(workflowId);
  }
  return ids;
}

/** The sentence that Temporal UI shows above a workflow. */
async function details(team: Subscriber): Promise<string> {
  const metadata = await workflowOf(team).query<{ currentDetails: string }>(
    '__temporal_workflow_metadata',
  );
  // The whole of a first run's details; the static ones follow in a later one.
  return metadata.currentDetails.split('\n')[0] ?? '';
}

/** What the workflow's latest timer says that it waits for. */
async function timerSummary(team: Subscriber): Promise<string | undefined> {
  const { events } = await workflowOf(team).fetchHistory();
  const data = events?.findLast((event) => event.timerStartedEventAttributes)?.userMetadata?.summary
    ?.data;
  return data ? JSON.parse(Buffer.from(data).toString()) : undefined;
}

function refuseToPay(): Promise<void> {
  return product.control('POST', '/faults', {
    kind: 'error',
    path: '^/v1/invoices/[^/]+/pay$',
    status: 400,
    times: 1,
    body: { error: { type: 'invalid_request_error', code: 'no_such_thing', message: 'x' } },
  });
}

test('operators see in Temporal UI where a team stands, what it waits for, and find it by that', async () => {
  const healthy = await subscriber(product);
  expect(await details(healthy)).toMatch(/^pro · active · renews \d+ \w+( \d{4})? \d\d:\d\d WIB$/);

  const team = await unpaid(product);
  const { ladders } = await settled(product, team.teamId);
  const due = ladders[0]?.timer?.at ?? '';
  expect(await details(team)).toMatch(
    /^pro · past_due · Strike 1 of 3 · in_\w+ Rp\s299\.000 · next attempt \d+ \w+( \d{4})? \d\d:\d\d WIB$/,
  );
  expect(await timerSummary(team)).toBe(`next attempt to pay ${team.invoiceId}`);
  const { typedSearchAttributes: attributes, staticSummary } = await workflowOf(team).describe();
  const get = (name: string) => attributes.get(defineSearchAttributeKey(name, 'KEYWORD'));
  await expect(staticSummary()).resolves.toBe(`Team ${team.teamId}`);
  expect([
    get('TagihTier'),
    get('TagihStatus'),
    get('TagihAttention'),
    get('TagihCustomer'),
  ]).toEqual(['pro', 'past_due', 'none', team.customerId]);
  expect(attributes.get(defineSearchAttributeKey('TagihNextActionAt', 'DATETIME'))).toEqual(
    new Date(due),
  );

  for (const days of [3, 5]) {
    await passTime(product.temporal, `subscription:${team.teamId}`, days);
    await settled(product, team.teamId);
  }
  await expect
    .poll(() => found('TagihStrike = 3'), patiently)
    .toEqual([`subscription:${team.teamId}`]);
  await expect
    .poll(() => details(team), patiently)
    .toMatch(/^pro · unpaid · Strike 3 of 3 · in_\w+ Rp\s299\.000 · locked until it is paid$/);

  await fixCard(product, team);
  await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
  await expect.poll(() => found('TagihStrike > 0'), patiently).toEqual([]);
  await expect.poll(() => details(team), patiently).toMatch(/^pro · active · renews/);
  await expect
    .poll(() => found(`TagihCustomer = '${healthy.customerId}'`), patiently)
    .toEqual([`subscription:${healthy.teamId}`]);
});

const act = ({ teamId }: Subscriber, action: string) =>
  product.api('POST', `/api/v1/teams/${teamId}/actions/${action}`, {
    actor: 'rina',
    reason: 'the customer called',
  });

test('R31: paused ladders are found, and say who has paused them', async () => {
  const team = await unpaid(product);
  await settled(product, team.teamId);
  await act(team, 'pause-dunning');
  const paused = () => found("TagihAttention = 'paused'");
  await expect.poll(paused, patiently).toEqual([`subscription:${team.teamId}`]);
  expect(await details(team)).toMatch(
    /Strike 1 of 3 · in_\w+ Rp\s299\.000 · paused by rina, resumes with (3 d|2 d 23 h) left$/,
  );
  await passTime(product.temporal, `subscription:${team.teamId}`, 30);
  expect((await settled(product, team.teamId)).ladders).toMatchObject([{ strike: 1 }]);
  await act(team, 'resume-dunning');
  await expect.poll(paused, patiently).toEqual([]);
  expect(await details(team)).toContain('next attempt');
});

test('R28: what acts next is found while Stripe is away', async () => {
  const team = await unpaid(product);
  await settled(product, team.teamId);
  await product.control('POST', '/faults', { path: '^/v1/subscriptions', kind: 'error' });
  await workflowOf(team).startUpdate(updates.resync, {
    args: [{ actor: 'rina', reason: 'the customer called' }],
    waitForStage: 'ACCEPTED',
  });
  const reading = async () => (await workflowOf(team).query(state)).reading;
  await expect.poll(reading, patiently).not.toBeNull();
  const inFourDays = new Date(Date.now() + 4 * 86_400_000).toISOString();
  expect(await found(`TagihNextActionAt < '${inFourDays}'`)).toContain(
    `subscription:${team.teamId}`,
  );
  expect(await details(team)).toContain('next attempt');
  await product.control('DELETE', '/faults');
  await settled(product, team.teamId);
});

test('R28: an attempt that Stripe refuses to make is found by TagihAttention', async () => {
  await refuseToPay();
  const team = await unpaid(product);
  await settled(product, team.teamId);
  await passTime(product.temporal, `subscription:${team.teamId}`, 3);
  await expect
    .poll(() => found("TagihAttention = 'attempt_stopped'"), patiently)
    .toEqual([`subscription:${team.teamId}`]);
  expect(await details(team)).toContain('attempt stopped: no_such_thing');
});

test('R28: it is found where a second subscription is what TagihAttention shows', async () => {
  const first = await subscriber(product);
  await product.stripe.subscriptions.create({
    customer: first.customerId,
    items: [{ price: 'price_sandbox_pro' }],
    metadata: { team_id: first.teamId },
    billing_mode: { type: 'flexible' },
  });
  // Begun within one second, either of the two may be the one that counts.
  const { attention, subscription } = await settled(product, first.teamId);
  expect(attention).toBe('second_subscription');
  await breakCard(product, first);
  await renew(product, { ...first, subscriptionId: subscription?.id ?? '' });
  await product.until(first.teamId, ({ dunning }) => expect(dunning?.strike).toBe(1));
  await settled(product, first.teamId);
  await refuseToPay();
  await passTime(product.temporal, `subscription:${first.teamId}`, 3);
  await expect.poll(() => details(first), patiently).toContain('attempt stopped: no_such_thing');
  const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const [filter = ''] = page.match(/TagihStrike > 0 AND TagihAttention IN \([^)]+\)/) ?? [];
  await expect.poll(() => found(filter), patiently).toContain(`subscription:${first.teamId}`);
});
