import { defineSearchAttributeKey } from '@temporalio/common';
import { expect, test } from 'vitest';
import { sharedProduct } from '../support/product.js';
import {
  fixCard,
  patiently,
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
  return metadata.currentDetails;
}

/** What the workflow's latest timer says that it waits for. */
async function timerSummary(team: Subscriber): Promise<string | undefined> {
  const { events } = await workflowOf(team).fetchHistory();
  const data = events?.findLast((event) => event.timerStartedEventAttributes)?.userMetadata?.summary
    ?.data;
  return data ? JSON.parse(Buffer.from(data).toString()) : undefined;
}

test('operators see in Temporal UI where a team stands, what it waits for, and find it by that', async () => {
  const healthy = await subscriber(product);
  expect(await details(healthy)).toBe('pro · active');

  const team = await unpaid(product);
  const { ladders } = await settled(product, team.teamId);
  const due = ladders[0]?.timer?.at ?? '';
  expect(await details(team)).toMatch(
    /^pro · past_due · Strike 1 of 3 · in_\w+ Rp\s299\.000 · next action \d{4}-\d\d-\d\d \d\d:\d\d UTC$/,
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
  expect(await details(team)).toMatch(
    /^pro · unpaid · Strike 3 of 3 · in_\w+ Rp\s299\.000 · locked until it is paid$/,
  );

  await fixCard(product, team);
  await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
  await expect.poll(() => found('TagihStrike > 0'), patiently).toEqual([]);
  await expect.poll(() => details(team), patiently).toBe('pro · active');
  await expect
    .poll(() => found(`TagihCustomer = '${healthy.customerId}'`), patiently)
    .toEqual([`subscription:${healthy.teamId}`]);
});

test('R28: an attempt that Stripe refuses to make is found by TagihAttention', async () => {
  await product.control('POST', '/faults', {
    kind: 'error',
    path: '^/v1/invoices/[^/]+/pay$',
    status: 400,
    times: 1,
    body: { error: { type: 'invalid_request_error', code: 'no_such_thing', message: 'x' } },
  });
  const team = await unpaid(product);
  await settled(product, team.teamId);
  await passTime(product.temporal, `subscription:${team.teamId}`, 3);
  await expect
    .poll(() => found("TagihAttention = 'attempt_stopped'"), patiently)
    .toEqual([`subscription:${team.teamId}`]);
  expect(await details(team)).toContain('attempt stopped: no_such_thing');
});
