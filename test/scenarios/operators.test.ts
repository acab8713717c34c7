import { afterEach, describe, expect, test } from 'vitest';
import { updates } from '../../workflows/messages.js';
import { sharedProduct, startProduct } from '../support/product.js';
import {
  attempts,
  eventsOf,
  fixCard,
  freeTeam,
  patiently,
  sent,
  settled,
  subscriber,
  timeline,
  unpaid,
} from '../support/stories.js';

const product = sharedProduct({ DUNNING_INTERVALS: '1h,1h' });
afterEach(async () => {
  await product.control('POST', '/webhooks', { paused: false });
  await product.control('DELETE', '/faults');
});

const who = { actor: 'op@tagih.example', reason: 'the customer called' };

function act(teamId: string, action: string, more = {}, at = product) {
  return at.api('POST', `/api/v1/teams/${teamId}/actions/${action}`, { ...who, ...more });
}

const workflowOf = (teamId: string) =>
  product.temporal.workflow.getHandle(`subscription:${teamId}`);

async function linesOf(teamId: string, kind: string) {
  return (await timeline(product, teamId)).filter((entry) => entry.kind === kind);
}

describe('R31: retry-payment', () => {
  test('declined: on the timeline, no strike, no mail, and the timer goes on as it was', async () => {
    const team = await unpaid(product);
    const before = await settled(product, team.teamId);
    const { status, body } = await act(team.teamId, 'retry-payment');
    expect([status, body.dunning.strike]).toEqual([200, 1]);
    const after = await settled(product, team.teamId);
    expect(after.ladders[0]?.timer).toEqual(before.ladders[0]?.timer);
    expect(await attempts(product, team.invoiceId)).toHaveLength(1);
    expect(await sent(product, team.teamId)).toEqual(['payment-warning']);
    expect(await linesOf(team.teamId, 'operator_retry_payment')).toMatchObject([
      { actor: who.actor, summary: expect.stringContaining(who.reason) },
    ]);
    expect(await linesOf(team.teamId, 'payment_attempt_failed')).toMatchObject([
      { actor: 'stripe' },
      { actor: who.actor },
    ]);
  });

  test('paid: recovered, though Stripe has told nobody', async () => {
    const team = await unpaid(product);
    await settled(product, team.teamId);
    await product.control('POST', '/webhooks', { paused: true });
    await fixCard(product, team);
    const { status, body } = await act(team.teamId, 'retry-payment');
    expect([status, body.dunning, body.access.dashboard]).toEqual([200, null, 'open']);
    await product.control('POST', '/webhooks', { paused: false });
    await settled(product, team.teamId);
    expect(await sent(product, team.teamId)).toEqual(['payment-warning', 'payment-recovered']);
  });

  test('repeated with the same key it joins the first', async () => {
    const team = await unpaid(product);
    const retry = () => act(team.teamId, 'retry-payment', { idempotencyKey: 'ticket-4711' });
    const answers = [...(await Promise.all([retry(), retry()])), await retry()];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await attempts(product, team.invoiceId)).toHaveLength(1);
    expect(await linesOf(team.teamId, 'operator_retry_payment')).toHaveLength(1);
  });
});

describe('R31: a key is of one act', () => {
  test('another act under it is refused, and nothing is done', async () => {
    const team = await unpaid(product);
    const key = { idempotencyKey: 'ticket-4712' };
    expect((await act(team.teamId, 'retry-payment', key)).status).toBe(200);
    const answer = await act(team.teamId, 'waive', key);
    expect(answer).toMatchObject({ status: 409, body: { code: 'idempotency_conflict' } });
    expect((await settled(product, team.teamId)).ladders).toHaveLength(1);
  });

  test('one that an event has, too, is as good as any', async () => {
    const team = await unpaid(product);
    await settled(product, team.teamId);
    const [event] = await eventsOf(product, team);
    const { status, body } = await act(team.teamId, 'waive', { idempotencyKey: event?.id });
    expect([status, body.dunning]).toEqual([200, null]);
  });

  test('known from the timeline where the workflow has come anew', async () => {
    const team = await unpaid(product);
    const key = { idempotencyKey: 'ticket-4713' };
    await act(team.teamId, 'retry-payment', key);
    await settled(product, team.teamId);
    await product.pool.query(`update tagih.teams set state = state - 'acts' where id = $1`, [
      team.teamId,
    ]);
    await workflowOf(team.teamId).terminate();
    expect((await act(team.teamId, 'retry-payment', key)).status).toBe(200);
    const answer = await act(team.teamId, 'waive', key);
    expect(answer).toMatchObject({ status: 409, body: { code: 'idempotency_conflict' } });
    expect(await attempts(product, team.invoiceId)).toHaveLength(1);
  });
});

describe('R31: extend-grace, pause-dunning, resume-dunning', () => {
  const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();

  test('a pause is shown, takes the next attempt away, and its end brings it back', async () => {
    const team = await unpaid(product);
    const paused = await act(team.teamId, 'pause-dunning');
    expect([paused.status, paused.body.dunning]).toMatchObject([
      200,
      { strike: 1, paused: true, nextAttemptAt: null },
    ]);
    expect(await act(team.teamId, 'pause-dunning')).toMatchObject({
      status: 409,
      body: { code: 'already_paused' },
    });
    const { status, body } = await act(team.teamId, 'resume-dunning');
    expect([status, body.dunning.paused]).toEqual([200, false]);
    expect(body.dunning.nextAttemptAt < inHours(1)).toBe(true);
    expect(await linesOf(team.teamId, 'operator_pause_dunning')).toMatchObject([
      { actor: who.actor },
    ]);
    expect(await linesOf(team.teamId, 'operator_resume_dunning')).toHaveLength(1);
  });

  test('a new card is tried while it is paused, and what is paid is over', async () => {
    const team = await unpaid(product);
    await act(team.teamId, 'pause-dunning');
    await fixCard(product, team);
    await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
  });

  test('a grace is the time of the next attempt, in any zone', async () => {
    const team = await unpaid(product);
    const until = inHours(48);
    const { status, body } = await act(team.teamId, 'extend-grace', {
      until: until.replace('Z', '+00:00'),
    });
    expect([status, body.dunning.nextAttemptAt]).toEqual([200, until]);
    expect(await linesOf(team.teamId, 'operator_extend_grace')).toMatchObject([
      { details: { until } },
    ]);
    expect(await act(team.teamId, 'extend-grace', { until: inHours(47) })).toMatchObject({
      status: 409,
      body: { code: 'not_later', detail: expect.stringContaining('R31') },
    });
  });

  test('extend-grace needs a time, and nothing else takes one', async () => {
    const teamId = await freeTeam(product);
    const problem = { status: 400, body: { errors: [{ path: 'until' }] } };
    expect(await act(teamId, 'extend-grace')).toMatchObject(problem);
    expect(await act(teamId, 'extend-grace', { until: 'tomorrow' })).toMatchObject(problem);
    expect(await act(teamId, 'waive', { until: inHours(1) })).toMatchObject(problem);
  });
});

describe('R31: waive', () => {
  test('ends the ladder, writes the invoice off at Stripe, and sends nothing', async () => {
    const team = await unpaid(product);
    await settled(product, team.teamId);
    const { status, body } = await act(team.teamId, 'waive', { invoiceId: team.invoiceId });
    expect([status, body.dunning, body.access.ai]).toEqual([200, null, 'full']);
    await settled(product, team.teamId);
    expect((await product.stripe.invoices.retrieve(team.invoiceId)).status).toBe('uncollectible');
    expect(await sent(product, team.teamId)).toEqual(['payment-warning']);
    expect(await attempts(product, team.invoiceId)).toEqual([]);
    await product.until(team.teamId, ({ subscriptionStatus }) => {
      expect(subscriptionStatus).toBe('active');
    });
  });

  test('works where the team has a ladder and its workflow is gone', async () => {
    const team = await unpaid(product);
    await settled(product, team.teamId);
    await workflowOf(team.teamId).terminate();
    const { status, body } = await act(team.teamId, 'waive');
    expect([status, body.dunning]).toEqual([200, null]);
    await settled(product, team.teamId);
    expect((await product.stripe.invoices.retrieve(team.invoiceId)).status).toBe('uncollectible');
  });

  test('of two at the same moment one is refused: it has found nothing to do', async () => {
    const team = await unpaid(product);
    await settled(product, team.teamId);
    await product.stopWorker();
    const waive = (updateId: string) =>
      workflowOf(team.teamId).executeUpdate(updates.waive, { args: [who], updateId });
    const both = Promise.allSettled([waive('one'), waive('other')]);
    await product.startWorker();
    const ended = (await both).map(({ status }) => status).toSorted();
    expect(ended).toEqual(['fulfilled', 'rejected']);
    expect(await linesOf(team.teamId, 'operator_waive')).toHaveLength(1);
  });

  test('R28: is heard while ten operators wait for a Stripe that does not answer', async () => {
    const team = await unpaid(product);
    await settled(product, team.teamId);
    await product.control('POST', '/faults', { path: '^/v1/subscriptions', kind: 'error' });
    const waiting = Array.from({ length: 10 }, () => act(team.teamId, 'resync'));
    await expect
      .poll(() => linesOf(team.teamId, 'operator_resync'), patiently)
      .toHaveLength(waiting.length);
    const { status, body } = await act(team.teamId, 'waive');
    expect([status, body.dunning]).toEqual([200, null]);
    for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(202);
  });
});

describe('R31: resync', () => {
  test('makes good for what Stripe could not tell', async () => {
    const team = await unpaid(product);
    await settled(product, team.teamId);
    await product.control('POST', '/webhooks', { paused: true });
    await product.stripe.invoices.pay(team.invoiceId, { paid_out_of_band: true });
    const { status, body } = await act(team.teamId, 'resync');
    expect([status, body.dunning, body.subscriptionStatus]).toEqual([200, null, 'active']);
  });

  test('of a team that nothing has happened to', async () => {
    const { status, body } = await act(await freeTeam(product), 'resync');
    expect([status, body.tier, body.subscriptionStatus]).toEqual([200, 'free', 'none']);
  });
});

describe('R31: an act that does not apply is refused by the rule', () => {
  const refused = {
    status: 409,
    body: { code: 'no_open_invoice', detail: expect.stringContaining('R31') },
  };
  test.each(['retry-payment', 'waive'])('%s with nothing open', async (action) => {
    const { teamId } = await subscriber(product);
    expect(await act(teamId, action)).toMatchObject(refused);
    expect(await act(await freeTeam(product), action)).toMatchObject(refused);
    expect(await linesOf(teamId, 'operator_waive')).toEqual([]);
  });

  test('one that names the invoice of another team', async () => {
    const [team, other] = [await unpaid(product), await unpaid(product)];
    const answer = await act(team.teamId, 'waive', { invoiceId: other.invoiceId });
    expect(answer).toMatchObject(refused);
    expect((await product.stripe.invoices.retrieve(other.invoiceId)).status).toBe('open');
  });

  test('one on a team that nobody knows', async () => {
    expect(await act('team_unknown', 'resync')).toMatchObject({ status: 404 });
  });
});

test('R31: while Temporal is away nothing is done, and the answer says so', async () => {
  const away = await startProduct({ TEMPORAL_ADDRESS: '127.0.0.1:1' }, { worker: false });
  try {
    const teamId = await freeTeam(away);
    const actions = ['retry-payment', 'pause-dunning', 'resume-dunning', 'waive', 'resync'];
    for (const answer of await Promise.all(
      actions.map((action) => act(teamId, action, {}, away)),
    )) {
      expect(answer).toMatchObject({ status: 503, body: { code: 'temporal_unavailable' } });
    }
  } finally {
    await away.close();
  }
});
