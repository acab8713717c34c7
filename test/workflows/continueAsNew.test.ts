import { expect, test } from 'vitest';
import { fact } from '../../workflows/messages.js';
import { sharedProduct } from '../support/product.js';
import { attempts, fixCard, patiently, sent, settled, unpaid } from '../support/stories.js';

const product = sharedProduct({ DUNNING_INTERVALS: '1ms,1h' });

const workflowOf = (teamId: string) =>
  product.temporal.workflow.getHandle(`subscription:${teamId}`);

const runOf = async (teamId: string) => (await workflowOf(teamId).describe()).runId;

/** Signals a fact of its own, as the relay does. */
function hint(teamId: string, id: string): Promise<void> {
  const at = new Date().toISOString();
  return workflowOf(teamId).signal(fact, { kind: 'hint', id, type: 'resync', object: null, at });
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
