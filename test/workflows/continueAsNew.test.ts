import { defineSearchAttributeKey } from '@temporalio/common';
import { afterEach, expect, test } from 'vitest';
import { NOTHING_NAMED } from '../../src/domain/draft.js';
import * as messages from '../../workflows/messages.js';
import { historiesOf } from '../support/histories.js';
import { sharedProduct } from '../support/product.js';
import { expectReplay } from '../support/replay.js';
import { attempts, fixCard, patiently, sent, settled, unpaid } from '../support/stories.js';

const product = sharedProduct({ DUNNING_INTERVALS: '1ms,1h' });

afterEach(() => product.control('DELETE', '/faults'));

const workflowOf = (teamId: string) =>
  product.temporal.workflow.getHandle(`subscription:${teamId}`);

const runOf = async (teamId: string) => (await workflowOf(teamId).describe()).runId;

/** What Temporal UI shows as the current details of the team's workflow. */
async function detailsOf(teamId: string): Promise<string> {
  const metadata = await workflowOf(teamId).query<{ currentDetails: string }>(
    '__temporal_workflow_metadata',
  );
  return metadata.currentDetails;
}

/** Signals a fact of its own, as the relay does. */
function hint(teamId: string, id: string): Promise<void> {
  const at = new Date().toISOString();
  return workflowOf(teamId).signal(messages.fact, {
    kind: 'hint',
    id,
    type: 'resync',
    object: null,
    at,
  });
}

test('a run that has grown long goes on in a new one, with its ladder and all that it has heard', async () => {
  const team = await unpaid(product, 2);
  const before = await settled(product, team.teamId);
  const run = await runOf(team.teamId);
  const told: string[] = [];
  do {
    const batch = Array.from({ length: 10 }, (_, n) => `told:${told.length + n}`);
    await Promise.all(batch.map((id) => hint(team.teamId, id)));
    told.push(...batch);
    await settled(product, team.teamId);
  } while ((await runOf(team.teamId)) === run);

  const after = await settled(product, team.teamId);
  expect(after.ladders).toEqual(before.ladders);
  // The server takes neither the summary nor the details along: they are told of below the sentence.
  expect((await workflowOf(team.teamId).describe()).memo).toEqual({ teamId: team.teamId });
  expect(await detailsOf(team.teamId)).toMatch(
    /^pro · past_due · Strike 2 of 3 .+\n\nThe subscription .+`waive`/s,
  );
  expect(after.seen.toSorted()).toEqual([...before.seen, ...told].slice(-200).toSorted());

  await Promise.all(told.map((id) => hint(team.teamId, id)));
  await expect
    .poll(async () => (await settled(product, team.teamId)).turn, patiently)
    .toBeGreaterThan(after.turn);
  const again = await settled(product, team.teamId);
  expect({ ...again, turn: 0 }).toEqual({ ...after, turn: 0 });

  await fixCard(product, team);
  await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
  await settled(product, team.teamId);
  expect(await sent(product, team.teamId)).toEqual([
    'payment-warning',
    'payment-critical',
    'payment-recovered',
  ]);
  expect(await attempts(product, team.invoiceId)).toHaveLength(2);
});

test('operators are heard while it starts anew', async () => {
  const team = await unpaid(product, 2);
  await settled(product, team.teamId);
  const run = await runOf(team.teamId);
  const act = (n: number) =>
    product.api('POST', `/api/v1/teams/${team.teamId}/actions/resync`, {
      actor: 'op@tagih.example',
      reason: 'again',
      idempotencyKey: `again-${n}`,
    });
  for (let round = 0; (await runOf(team.teamId)) === run; round += 1) {
    const answers = await Promise.all([0, 1, 2, 3, 4].map((n) => act(5 * round + n)));
    expect(answers.map(({ status, body }) => [status, body.dunning?.strike])).toEqual(
      Array(5).fill([200, 2]),
    );
  }
});

test('R21: a request to cancel ends neither the ladder nor a call under way, and a new run still follows', async () => {
  const team = await unpaid(product, 2);
  await settled(product, team.teamId);
  const run = await runOf(team.teamId);
  await product.control('POST', '/faults', { path: '^/v1/subscriptions', kind: 'error' });
  await hint(team.teamId, 'told:before');
  const pending = async () => (await workflowOf(team.teamId).describe()).raw.pendingActivities;
  await expect.poll(pending, patiently).toHaveLength(1);
  await workflowOf(team.teamId).cancel();
  await hint(team.teamId, 'told:after');
  await product.control('DELETE', '/faults');

  const act = () =>
    product.api('POST', `/api/v1/teams/${team.teamId}/actions/resync`, {
      actor: 'op@tagih.example',
      reason: 'it was asked to cancel',
    });
  do {
    const { status, body } = await act();
    expect([status, body.dunning?.strike]).toEqual([200, 2]);
  } while ((await runOf(team.teamId)) === run);
  await fixCard(product, team);
  await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
});

test('where facts never leave off, those that wait are carried into a new run', async () => {
  const team = await unpaid(product, 2);
  const { ladders } = await settled(product, team.teamId);
  const run = await runOf(team.teamId);
  const told: string[] = [];
  const flood = async () => {
    while ((await runOf(team.teamId)) === run && told.length < 3_000) {
      for (let n = 0; n < 20; n += 1) {
        const id = `flood:${told.length}`;
        told.push(id);
        await hint(team.teamId, id);
      }
    }
  };
  await Promise.all([flood(), flood(), flood(), flood()]);
  expect(await runOf(team.teamId)).not.toBe(run);
  const stateOf = () => workflowOf(team.teamId).query(messages.state);
  const lost = async () => {
    const { seen } = await stateOf();
    return told.slice(-150).filter((id) => !seen.includes(id));
  };
  await expect.poll(lost, patiently).toEqual([]);
  expect((await stateOf()).ladders).toEqual(ladders);
  await expectReplay(await historiesOf(product.temporal, `subscription:${team.teamId}`));
});

test('R28: a new run knows which calls have had no answer from Stripe for ten minutes, and since when', async () => {
  const team = await unpaid(product, 2);
  const state = await settled(product, team.teamId);
  await workflowOf(team.teamId).terminate();
  await product.control('POST', '/faults', { path: '^/v1/subscriptions', kind: 'error' });
  const reading = { ...NOTHING_NAMED, number: state.turn, cause: 'told:of' };
  const failingSince = '2026-11-01T10:00:00.000Z';
  const carried = { facts: [], failing: [`read:${state.turn}`], failingSince };
  const handle = await product.temporal.workflow.start('subscription', {
    workflowId: `subscription:${team.teamId}`,
    taskQueue: product.settings.TEMPORAL_TASK_QUEUE,
    args: [{ ...state, reading }, carried],
  });
  const attention = async () =>
    (await handle.describe()).typedSearchAttributes.get(
      defineSearchAttributeKey('TagihAttention', 'KEYWORD'),
    );
  await expect.poll(attention, patiently).toBe('waiting_for_stripe');
  expect(await detailsOf(team.teamId)).toMatch(/waits for Stripe since 1 Nov( 2026)? 17:00 WIB/);
  await product.control('DELETE', '/faults');
  await expect.poll(attention, patiently).toBe('none');
});

test('R36: mails that Postmark does not take are left to a new run, and are sent once', async () => {
  await product.control('POST', '/faults', { path: '^/email', kind: 'error' });
  const { teamId } = await unpaid(product, 2);
  const mailer = product.temporal.workflow.getHandle('mailer');
  const run = async () => (await mailer.describe()).runId;
  await expect.poll(run, patiently).toBeTruthy();
  const first = await run();
  const signals = Array.from({ length: 300 }, (_, n) => n);
  const at = new Date().toISOString();
  await Promise.all(
    signals.map((n) =>
      mailer.signal(messages.fact, {
        kind: 'hint',
        id: `mail:${n}`,
        type: 'mail',
        object: null,
        at,
      }),
    ),
  );
  await expect.poll(run, patiently).not.toBe(first);
  await product.control('DELETE', '/faults');
  await settled(product, teamId);
  expect((await sent(product, teamId)).toSorted()).toEqual(['payment-critical', 'payment-warning']);
  await expectReplay(await historiesOf(product.temporal, 'mailer'));
});
