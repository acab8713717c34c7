import { afterEach, describe, expect, test } from 'vitest';
import { sharedProduct, startProduct } from '../support/product.js';
import {
  attempts,
  fixCard,
  freeTeam,
  sent,
  settled,
  subscriber,
  timeline,
  unpaid,
} from '../support/stories.js';

const product = sharedProduct({ DUNNING_INTERVALS: '1h,1h' });
afterEach(() => product.control('POST', '/webhooks', { paused: false }));

const who = { actor: 'op@tagih.example', reason: 'the customer called' };

function act(teamId: string, action: string, more = {}, at = product) {
  return at.api('POST', `/api/v1/teams/${teamId}/actions/${action}`, { ...who, ...more });
}

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

describe('R31: waive', () => {
  test('ends the ladder, writes the invoice off at Stripe, and sends nothing', async () => {
    const team = await unpaid(product);
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
    const actions = ['retry-payment', 'waive', 'resync'];
    for (const answer of await Promise.all(
      actions.map((action) => act(teamId, action, {}, away)),
    )) {
      expect(answer).toMatchObject({ status: 503, body: { code: 'temporal_unavailable' } });
    }
  } finally {
    await away.close();
  }
});
