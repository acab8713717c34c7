import { defineSearchAttributeKey } from '@temporalio/common';
import { expect, test } from 'vitest';
import { sharedProduct } from '../support/product.js';
import {
  breakCard,
  kindsSince,
  patiently,
  renew,
  type Subscriber,
  sent,
  settled,
  subscriber,
  timeline,
} from '../support/stories.js';
import { passTime } from '../support/timeSkipping.js';

const product = sharedProduct({ DUNNING_INTERVALS: '3d,5d' });

const attention = defineSearchAttributeKey('TagihAttention', 'KEYWORD');
const MINUTE = 1 / 1_440;

const workflowOf = ({ teamId }: Subscriber) =>
  product.temporal.workflow.getHandle(`subscription:${teamId}`);

const attentionOf = async (team: Subscriber) =>
  (await workflowOf(team).describe()).typedSearchAttributes.get(attention);

async function sentenceOf(team: Subscriber): Promise<string> {
  const metadata = await workflowOf(team).query<{ currentDetails: string }>(
    '__temporal_workflow_metadata',
  );
  return metadata.currentDetails;
}

const pass = ({ teamId }: Subscriber, days: number) =>
  passTime(product.temporal, `subscription:${teamId}`, days);

function act({ teamId }: Subscriber, action: string, more = {}) {
  const who = { actor: 'op@tagih.example', reason: 'Stripe is away' };
  return product.api('POST', `/api/v1/teams/${teamId}/actions/${action}`, { ...who, ...more });
}

/** A renewal that fails; Stripe has told all of it. */
async function falls(team: Subscriber): Promise<string> {
  await breakCard(product, team);
  const invoiceId = await renew(product, team);
  await product.until(team.teamId, ({ dunning }) => expect(dunning?.strike).toBe(1));
  return invoiceId;
}

/** Events that Stripe has told of and that no turn of the team has taken, or that were not told yet. */
async function untaken({ teamId }: Subscriber): Promise<number> {
  const { pending } = await product.control<{ pending: number }>('GET', '/webhooks');
  const { rows } = await product.pool.query(
    `select id from tagih.stripe_events
      where team_id = $1 and taken_at is null and not ignored`,
    [teamId],
  );
  return pending + rows.length;
}

async function strikesOf({ teamId }: Subscriber): Promise<string[]> {
  const strikes = (await timeline(product, teamId)).filter(({ kind }) => kind === 'strike');
  return strikes.map(({ details }) => `${details['invoiceId']} ${details['strike']}`);
}

/** The operators' acts on the timeline. */
async function actsOn({ teamId }: Subscriber): Promise<string[]> {
  const kinds = await kindsSince(product, teamId);
  return kinds.filter((kind) => kind.startsWith('operator_'));
}

async function failedCharges({ customerId: customer }: Subscriber): Promise<number> {
  const { data } = await product.stripe.charges.list({ customer, limit: 100 });
  return data.filter(({ status }) => status === 'failed').length;
}

/** Nothing is under way for the team. */
async function rests(team: Subscriber): Promise<void> {
  await expect.poll(() => untaken(team), patiently).toBe(0);
  const underWay = async () => {
    const { raw } = await workflowOf(team).describe();
    return [...(raw.pendingActivities ?? []), ...(raw.pendingWorkflowTask ? ['a turn'] : [])];
  };
  await expect.poll(underWay, patiently).toEqual([]);
}

test('R15, R28, R31, R36: Stripe and Postmark are away for a whole stage: facts, operators and time go on, and each thing happens once', async () => {
  const [climbs, waived] = await Promise.all([subscriber(product), subscriber(product)]);
  await product.control('POST', '/faults', { kind: 'error', path: '^/email', status: 503 });
  const [first, given] = await Promise.all([falls(climbs), falls(waived)]);
  await Promise.all([rests(climbs), rests(waived)]);
  await product.control('POST', '/faults', { kind: 'error', path: '^/v1/', status: 503 });

  // The stage ends, and no attempt has an answer.
  await pass(climbs, 3);
  await pass(climbs, 9 * MINUTE);
  expect(await attentionOf(climbs)).toBe('none');
  await pass(climbs, 2 * MINUTE);
  await expect.poll(() => attentionOf(climbs), patiently).toBe('waiting_for_stripe');
  expect(await sentenceOf(climbs)).toMatch(/payment attempt 1 under way · waits for Stripe since/);

  const second = await renew(product, climbs);
  await expect.poll(() => untaken(climbs), patiently).toBe(0);
  expect(await strikesOf(climbs)).toEqual([`${first} 1`]);

  const until = new Date(Date.now() + 4 * 86_400_000).toISOString();
  for (const [action, more] of [
    ['extend-grace', { until }],
    ['pause-dunning'],
    ['resume-dunning'],
  ] as const) {
    expect((await act(waived, action, more)).status).toBe(200);
  }
  // These would wait for Stripe's answer for some seconds.
  const calling = [act(waived, 'retry-payment'), act(waived, 'resync')];
  await expect.poll(() => actsOn(waived), patiently).toHaveLength(5);
  const { status, body } = await act(waived, 'waive');
  expect([status, body.dunning, body.access.ai]).toEqual([200, null, 'full']);
  expect((await actsOn(waived)).toSorted()).toEqual([
    'operator_extend_grace',
    'operator_pause_dunning',
    'operator_resume_dunning',
    'operator_resync',
    'operator_retry_payment',
    'operator_waive',
  ]);
  expect([await sent(product, climbs.teamId), await sent(product, waived.teamId)]).toEqual([
    [],
    [],
  ]);

  await product.control('DELETE', '/faults');
  // The next tries are up to half a minute away.
  await Promise.all([pass(climbs, MINUTE), pass(waived, MINUTE)]);
  await Promise.all([settled(product, climbs.teamId), settled(product, waived.teamId)]);
  expect(await attentionOf(climbs)).toBe('none');
  // Stripe's clock has not gone ahead: by the team's the three days of the second one were over at once, too.
  expect((await strikesOf(climbs)).toSorted()).toEqual(
    [first, second].flatMap((id) => [`${id} 1`, `${id} 2`]).toSorted(),
  );
  expect(await failedCharges(climbs)).toBe(4);
  expect(await sent(product, climbs.teamId)).toEqual(['payment-warning', 'payment-critical']);

  for (const answer of await Promise.all(calling)) expect([200, 202]).toContain(answer.status);
  expect((await product.stripe.invoices.retrieve(given)).status).toBe('uncollectible');
  expect(await failedCharges(waived)).toBe(1);
  expect(await actsOn(waived)).toHaveLength(6);
  expect(await sent(product, waived.teamId)).toEqual([]);
}, 60_000);
