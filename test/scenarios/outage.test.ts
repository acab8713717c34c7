import { defineSearchAttributeKey } from '@temporalio/common';
import { afterEach, describe, expect, test } from 'vitest';
import type { TeamState } from '../../src/domain/team.js';
import { metric } from '../support/events.js';
import { sharedProduct, startProduct } from '../support/product.js';
import {
  attempts,
  breakCard,
  fixCard,
  patiently,
  renew,
  type Subscriber,
  sent,
  settled,
  subscriber,
  timeline,
  unpaid,
} from '../support/stories.js';

// The first retry comes at once, the second is far away.
const product = sharedProduct({ DUNNING_INTERVALS: '1ms,1h' });
afterEach(() => product.control('DELETE', '/faults'));

const attention = defineSearchAttributeKey('TagihAttention', 'KEYWORD');
const PAY = '^/v1/invoices/[^/]+/pay$';
const fault = (wish: object) =>
  product.control('POST', '/faults', { method: 'POST', path: PAY, ...wish });
/** The SDK repeats a request once by itself when its connection breaks. */
const cut = (wish = {}) => fault({ kind: 'reset', times: 2, ...wish });

/** A subscriber whose renewal is declined, and tried again at once, into whatever fails there. */
async function falls(): Promise<Subscriber & { invoiceId: string }> {
  const team = await subscriber(product);
  await breakCard(product, team);
  return { ...team, invoiceId: await renew(product, team) };
}

async function charges({ customerId }: Subscriber, status: 'failed' | 'succeeded') {
  const { data } = await product.stripe.charges.list({ customer: customerId, limit: 100 });
  return data.filter((charge) => charge.status === status).length;
}

async function numbers(invoiceId: string): Promise<string[]> {
  const keys = new Set(await attempts(product, invoiceId));
  return [...keys].map((key) => key.slice(key.lastIndexOf(':') + 1));
}

async function expectStrike2({ teamId }: Subscriber) {
  await product.until(teamId, ({ dunning }) => expect(dunning?.strike).toBe(2));
  await settled(product, teamId);
  expect(await sent(product, teamId)).toEqual(['payment-warning', 'payment-critical']);
}

describe('R28, R35: an outage is no decline, and an attempt is one charge', () => {
  test('500, 429 and a broken connection, before anything happened', async () => {
    await fault({ kind: 'error', status: 500, times: 1 });
    await fault({ kind: 'error', status: 429, times: 1 });
    await cut();
    const team = await falls();
    await expectStrike2(team);
    expect(await numbers(team.invoiceId)).toEqual(['1']);
    expect(await charges(team, 'failed')).toBe(2);
  });

  test('the connection breaks after the decline', async () => {
    await cut({ after: true });
    const team = await falls();
    await expectStrike2(team);
    expect(await numbers(team.invoiceId)).toEqual(['1']);
    expect(await charges(team, 'failed')).toBe(2);
  });
});

describe('R35: Stripe keeps a 500 under the key', () => {
  test('of an attempt that was not made: the next number tries, after a look', async () => {
    await fault({ kind: 'error', status: 500, stored: true, times: 1 });
    const team = await falls();
    await expectStrike2(team);
    expect(await numbers(team.invoiceId)).toEqual(['1', '2']);
    expect(await charges(team, 'failed')).toBe(2);
  });

  test('of an attempt that was declined: the look finds its charge, and no other is made', async () => {
    await fault({ kind: 'error', status: 500, stored: true, after: true, times: 1 });
    const team = await falls();
    await expectStrike2(team);
    expect(await numbers(team.invoiceId)).toEqual(['1']);
    expect(await charges(team, 'failed')).toBe(2);
  });

  test('of an attempt that was paid: the look finds it paid', async () => {
    const team = await unpaid(product, 2);
    await settled(product, team.teamId);
    await fault({ kind: 'error', status: 500, stored: true, after: true, times: 1 });
    await fixCard(product, team);
    await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
    await settled(product, team.teamId);
    expect(await numbers(team.invoiceId)).toEqual(['1', '2']);
    expect(await charges(team, 'succeeded')).toBe(2);
  });
});

test('R28: another 4xx stops the attempt, not the workflow: it waits for the next fact, and a metric shows it', async () => {
  await fault({
    kind: 'error',
    status: 400,
    times: 1,
    body: { error: { type: 'invalid_request_error', code: 'no_such_thing', message: 'x' } },
  });
  const team = await falls();
  await expect
    .poll(async () => (await timeline(product, team.teamId)).at(-1), patiently)
    .toMatchObject({ kind: 'payment_attempt_stopped', details: { code: 'no_such_thing' } });
  const { ladders } = await settled(product, team.teamId);
  expect(ladders).toMatchObject([{ strike: 1, stopped: 'no_such_thing' }]);
  expect(await metric(product, 'tagih_payment_attempts_stopped')).toBe(1);
  const resync = { actor: 'op@tagih.example', reason: 'Stripe was mended' };
  await product.api('POST', `/api/v1/teams/${team.teamId}/actions/resync`, resync);
  await expectStrike2(team);
  expect(await metric(product, 'tagih_payment_attempts_stopped')).toBe(0);
});

describe('R26: what ends a ladder ends it, whatever is broken', () => {
  test('a waiver while Stripe is down: at once in the ledger, at Stripe when it is back', async () => {
    await fault({ kind: 'error', path: '^/v1/invoices/', status: 503 });
    const team = await falls();
    await product.until(team.teamId, ({ dunning }) => expect(dunning?.strike).toBe(1));
    await expect.poll(() => attempts(product, team.invoiceId), patiently).not.toEqual([]);
    const { status, body } = await product.api(
      'POST',
      `/api/v1/teams/${team.teamId}/actions/waive`,
      { actor: 'op@tagih.example', reason: 'our fault' },
    );
    expect([status, body.dunning, body.access.ai]).toEqual([200, null, 'full']);
    const made = await attempts(product, team.invoiceId);

    await product.control('DELETE', '/faults');
    await settled(product, team.teamId);
    expect((await product.stripe.invoices.retrieve(team.invoiceId)).status).toBe('uncollectible');
    expect(await attempts(product, team.invoiceId)).toEqual(made);
    expect(await charges(team, 'failed')).toBe(1);
    expect(await sent(product, team.teamId)).toEqual(['payment-warning']);
  });
});

test('R26: cancelled while Stripe cannot be read: nobody is charged when the timer is due', async () => {
  const brief = await startProduct({ DUNNING_INTERVALS: '2s,1h' });
  try {
    const team = await unpaid(brief);
    await brief.control('POST', '/faults', {
      kind: 'error',
      method: 'GET',
      path: '^/v1/subscriptions',
      status: 503,
    });
    await brief.stripe.subscriptions.cancel(team.subscriptionId);
    const { body } = await brief.api('GET', `/api/v1/teams/${team.teamId}`);
    const due = Date.parse(body.dunning.nextAttemptAt);
    await expect.poll(() => Date.now(), patiently).toBeGreaterThan(due);
    await brief.control('DELETE', '/faults');
    await brief.until(team.teamId, ({ tier, dunning }) => {
      expect([tier, dunning]).toEqual(['free', null]);
    });
    await settled(brief, team.teamId);
    expect(await attempts(brief, team.invoiceId)).toEqual([]);
  } finally {
    await brief.close();
  }
});

test('R26: cancelled while an attempt does not reach Stripe: a card that is good by then is not charged', async () => {
  await fault({ kind: 'error', status: 503, times: 3 });
  const team = await falls();
  await expect.poll(() => attempts(product, team.invoiceId), patiently).not.toEqual([]);
  await fault({ kind: 'error', method: 'GET', path: '^/v1/subscriptions', status: 503 });
  await product.stripe.subscriptions.cancel(team.subscriptionId);
  await fixCard(product, team);
  const workflow = product.temporal.workflow.getHandle(`subscription:${team.teamId}`);
  await expect
    .poll(async () => (await workflow.query<TeamState>('state')).ladders, patiently)
    .toMatchObject([{ attempt: null, stopped: 'gone' }]);

  await product.control('DELETE', '/faults');
  await product.until(team.teamId, ({ tier, dunning }) => {
    expect([tier, dunning]).toEqual(['free', null]);
  });
  await settled(product, team.teamId);
  expect(await charges(team, 'succeeded')).toBe(1);
});

// These come last: the SDK may repeat what broke half a second after the story's end, into the next one's faults.
describe('R26, R35: a try that breaks while its ladder ends', () => {
  test('the connection breaks after the payment: it is not paid twice', async () => {
    const team = await unpaid(product, 2);
    await settled(product, team.teamId);
    await cut({ after: true });
    await fixCard(product, team);
    await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
    await settled(product, team.teamId);
    expect(await charges(team, 'succeeded')).toBe(2);
    expect((await sent(product, team.teamId)).slice(2)).toEqual(['payment-recovered']);
  });

  test('a try that breaks when its ladder has ended is nothing that anybody waits for', async () => {
    await fault({ kind: 'reset' });
    const team = await falls();
    await expect.poll(() => attempts(product, team.invoiceId), patiently).not.toEqual([]);
    const { status } = await product.api('POST', `/api/v1/teams/${team.teamId}/actions/waive`, {
      actor: 'op@tagih.example',
      reason: 'our fault',
    });
    expect(status).toBe(200);
    await settled(product, team.teamId);
    expect(await numbers(team.invoiceId)).toEqual(['1']);
    const { typedSearchAttributes } = await product.temporal.workflow
      .getHandle(`subscription:${team.teamId}`)
      .describe();
    expect(typedSearchAttributes.get(attention)).toBe('none');
  });
});
