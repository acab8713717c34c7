import { Client } from '@temporalio/client';
import { expect, test } from 'vitest';
import { endClose } from '../../src/db/closes.js';
import { CloseService } from '../../src/services/closeService.js';
import { CloseStarter } from '../../src/services/closeStarter.js';
import { closeStart } from '../../workflows/starts.js';
import {
  advanceTo,
  close,
  dayOf,
  monthsAgo,
  recordOf,
  subscribedIn,
  track,
} from '../support/months.js';
import { sharedProduct } from '../support/product.js';

const product = sharedProduct();

test('overage goes to Stripe once, however often the month is closed (R32, R34)', async () => {
  const month = monthsAgo(1);
  const { teamId, customerId } = await subscribedIn(product, month, 'pro');
  await track(product, month, teamId, 62_345);
  await Promise.all([close(product, month), close(product, month)]);
  await close(product, month);

  const record = await recordOf(product, month, teamId);
  expect(record).toMatchObject({
    plan: 'pro',
    usedTokens: 62_345,
    overageTokens: 12_345,
    amountDue: { amount: 12_345, display: 'Rp\u00a0123,45' },
    lines: [{ kind: 'overage', period: month.id, tokens: 12_345 }],
    status: 'pending',
  });
  const items = await product.stripe.invoiceItems.list({ customer: customerId });
  expect(items.data).toMatchObject([{ id: record.stripeInvoiceItemId, amount: 12_345 }]);
  await expect
    .poll(async () => (await product.mails(teamId)).map(({ tag }) => tag))
    .toEqual(['usage-100', 'monthly-summary']);
});

test('the record is billed when the invoice with its item is finalised (R34)', async () => {
  const month = monthsAgo(2);
  const team = await subscribedIn(product, month, 'pro');
  await track(product, month, team.teamId, 51_000);
  await close(product, month);
  await advanceTo(product, team, dayOf(month, 5 + 32));
  await expect
    .poll(async () => recordOf(product, month, team.teamId), { timeout: 10_000 })
    .toMatchObject({ status: 'billed', stripeInvoiceId: expect.stringMatching(/^in_/) });

  const { stripeInvoiceId } = await recordOf(product, month, team.teamId);
  const invoice = await product.stripe.invoices.retrieve(stripeInvoiceId);
  expect(invoice.total).toBe(29_900_000 + 1_000);
});

test('what is recorded after the seal is billed in the open month, and changes no record (R12, R33, R38)', async () => {
  const month = monthsAgo(3);
  const { teamId } = await subscribedIn(product, month, 'pro');
  await track(product, month, teamId, 60_000);
  await close(product, month);
  const before = await recordOf(product, month, teamId);

  const late = await track(product, month, teamId, 500);
  expect(late).toMatchObject({ period: month.id, usedTokens: 60_500 });
  expect(late.billedIn > month.id).toBe(true);
  await close(product, month);
  expect(await recordOf(product, month, teamId)).toEqual(before);
});

test('a team without a subscription: small amounts are carried forward, Free is never charged (R3, R34)', async () => {
  const month = monthsAgo(4);
  const { teamId, subscriptionId } = await subscribedIn(product, month, 'pro');
  await track(product, month, teamId, 50_700);
  await product.stripe.subscriptions.cancel(subscriptionId);
  await product.until(teamId, ({ tier }) => expect(tier).toBe('free'));
  const free = 'team_without_plan';
  await product.api('PUT', `/api/v1/teams/${free}`, { name: 'Free', adminEmail: 'a@free.example' });
  await track(product, month, free, 9_000);

  await close(product, month);
  expect(await recordOf(product, month, teamId)).toMatchObject({
    plan: 'pro',
    amountDue: { amount: 700 },
    status: 'carried_forward',
  });
  expect(await recordOf(product, month, free)).toMatchObject({
    plan: 'free',
    usedTokens: 9_000,
    overageTokens: 0,
    ratePer1000: null,
    amountDue: { amount: 0 },
    status: 'nothing_due',
  });
});

test('a team without a subscription gets an invoice of its own for a larger amount (R34)', async () => {
  const month = monthsAgo(5);
  const { teamId, subscriptionId, customerId } = await subscribedIn(product, month, 'pro');
  await track(product, month, teamId, 3_050_000);
  await product.stripe.subscriptions.cancel(subscriptionId);
  await product.until(teamId, ({ tier }) => expect(tier).toBe('free'));
  await close(product, month);
  await close(product, month);

  const record = await recordOf(product, month, teamId);
  expect(record).toMatchObject({ status: 'billed', amountDue: { amount: 3_000_000 } });
  const invoices = await product.stripe.invoices.list({ customer: customerId });
  const own = invoices.data.filter(({ total }) => total === 3_000_000);
  expect(own.map(({ id }) => id)).toEqual([record.stripeInvoiceId]);
});

test('an item whose subscription ended without an invoice is billed without it (R34)', async () => {
  const month = monthsAgo(6);
  const { teamId, subscriptionId, customerId } = await subscribedIn(product, month, 'pro');
  await track(product, month, teamId, 2_050_000);
  await close(product, month);
  expect(await recordOf(product, month, teamId)).toMatchObject({ status: 'pending' });
  await product.stripe.subscriptions.cancel(subscriptionId);
  await expect
    .poll(async () => recordOf(product, month, teamId), { timeout: 10_000 })
    .toMatchObject({ status: 'billed', amountDue: { amount: 2_000_000 } });
  const pending = await product.stripe.invoiceItems.list({ customer: customerId, pending: true });
  expect(pending.data).toEqual([]);
});

test.each([
  { of: 'a network cut after it was made', fault: { kind: 'reset', after: true, times: 2 } },
  {
    of: 'an error that Stripe stored',
    fault: { kind: 'error', status: 500, stored: true, times: 1 },
  },
])('there is one item after $of (R34)', async ({ fault }) => {
  const month = monthsAgo(fault.kind === 'reset' ? 7 : 10);
  const { teamId, customerId } = await subscribedIn(product, month, 'pro');
  await track(product, month, teamId, 50_100);
  await product.control('POST', '/faults', {
    method: 'POST',
    path: '^/v1/invoiceitems$',
    ...fault,
  });
  await close(product, month);

  const { data } = await product.stripe.invoiceItems.list({ customer: customerId });
  expect(data.map(({ amount }) => amount)).toEqual([100]);
  expect(await recordOf(product, month, teamId)).toMatchObject({ status: 'pending' });
});

test('every team that was there has a record, an idle one too, but no mail (R39)', async () => {
  const month = monthsAgo(8);
  const { teamId } = await subscribedIn(product, month, 'enterprise');
  const created = await product.api('PUT', '/api/v1/teams/idle', {
    name: 'Idle',
    adminEmail: 'a@idle.example',
  });
  expect(created.status).toBe(201);
  await product.pool.query(`update tagih.teams set created_at = $1 where id = 'idle'`, [
    dayOf(month, 1),
  ]);
  await close(product, month);
  expect(await recordOf(product, month, 'idle')).toMatchObject({
    usedTokens: 0,
    status: 'nothing_due',
  });
  await expect.poll(async () => (await product.mails(teamId)).length).toBe(1);
  expect(await product.mails('idle')).toEqual([]);
});

test('an open month is not closed, not by Temporal either; a future or malformed one is refused by name', async () => {
  const attempt = async (period: string) => {
    const { status, body } = await product.api('POST', '/api/v1/closes', { period });
    return [status, body.code, body.errors?.[0]?.path];
  };
  const open = monthsAgo(0).id;
  expect(await attempt(open)).toEqual([409, 'period_open', undefined]);
  expect(await attempt('2099-01')).toEqual([400, 'invalid_request', 'period']);
  expect(await attempt('2026-13')).toEqual([400, 'invalid_request', 'period']);

  const { options } = closeStart(open);
  const { TEMPORAL_TASK_QUEUE: taskQueue } = product.settings;
  const past = await product.temporal.workflow.start('close', { ...options, taskQueue });
  await expect(past.result()).rejects.toThrow();
  expect((await product.api('GET', `/api/v1/closes/${open}`)).body).toMatchObject({
    status: 'failed',
    failure: `${open} can be closed a minute after it has ended.`,
  });
});

test('a month that nobody has closed is closed with any later one (R12)', async () => {
  const month = monthsAgo(9);
  const { teamId } = await subscribedIn(product, month, 'pro');
  expect(await track(product, month, teamId, 50_009)).toMatchObject({ billedIn: month.id });
  await close(product, monthsAgo(8));
  await expect
    .poll(async () => recordOf(product, month, teamId), { timeout: 15_000 })
    .toMatchObject({ status: 'pending', amountDue: { amount: 9 } });
});

test('the schedule closes the month of its own time, not of the clock, and those left before it (R7, R12)', async () => {
  const [month, left] = [monthsAgo(11), monthsAgo(12)];
  const { teamId } = await subscribedIn(product, left, 'pro');
  await track(product, month, teamId, 50_001);
  await track(product, left, teamId, 50_012);
  const handle = product.temporal.schedule.getHandle('monthly-close');
  const at = dayOf(month, 31 + 2);
  await handle.backfill({ start: month.end, end: at, overlap: 'ALLOW_ALL' });
  for (const [closed, amount] of [
    [month, 1],
    [left, 12],
  ] as const) {
    await expect
      .poll(async () => recordOf(product, closed, teamId), { timeout: 15_000 })
      .toMatchObject({ period: closed.id, status: 'pending', amountDue: { amount } });
  }
});

test('a month whose totals are not what its events add up to is not billed, until they are (R33)', async () => {
  const month = monthsAgo(13);
  const { teamId, customerId } = await subscribedIn(product, month, 'pro');
  const { pool, api } = product;
  await pool.query(
    'insert into tagih.usage_totals (team_id, period, used_tokens) values ($1, $2, 60000)',
    [teamId, month.id],
  );
  await api('POST', '/api/v1/closes', { period: month.id });
  await expect
    .poll(async () => (await api('GET', `/api/v1/closes/${month.id}`)).body)
    .toMatchObject({
      status: 'failed',
      failure: `${month.id} is not billed: ${teamId} has 60000 tokens of ${month.id} in its totals, 0 in its events`,
    });
  expect(await recordOf(product, month, teamId)).toMatchObject({ code: 'unknown_usage_billing' });
  expect((await product.stripe.invoiceItems.list({ customer: customerId })).data).toEqual([]);
  expect(await product.mails(teamId)).toEqual([]);

  await pool.query('update tagih.usage_totals set used_tokens = 0 where period = $1', [month.id]);
  expect(await close(product, month)).toMatchObject({ failure: null });
  expect(await recordOf(product, month, teamId)).toMatchObject({ status: 'nothing_due' });
});

test('a close is not joined whose run has noted its end, and is about to end (R32)', async () => {
  const month = monthsAgo(14);
  const { pool, temporal, settings } = product;
  // Nobody works on the run: it is where this test puts it.
  await product.stopWorker();
  let joined = 0;
  const ending = {
    period: month.id,
    status: 'failed',
    at: new Date(),
    failure: 'mismatch',
  } as const;
  const client = new Client({
    connection: temporal.connection,
    namespace: settings.TEMPORAL_NAMESPACE,
    interceptors: {
      workflow: [
        {
          async startWithDetails(input, next) {
            const { workflow } = temporal;
            try {
              return await next(input);
            } catch (error) {
              joined += 1;
              if (joined === 1) await endClose(pool, ending);
              else await workflow.getHandle(`close:${month.id}`).terminate();
              throw error;
            }
          },
        },
      ],
    },
  });
  const closes = new CloseService(pool, settings.BILLING_TIME_ZONE, settings.CLOSE_GRACE);
  const starter = new CloseStarter(client, pool, closes, settings.TEMPORAL_TASK_QUEUE);
  await starter.start(month.id, new Date());
  await starter.start(month.id, new Date());
  expect(joined).toBe(2);
  expect(await starter.find(month.id)).toMatchObject({ status: 'running', failure: null });

  await product.startWorker();
  expect(await close(product, month)).toMatchObject({ failure: null });
});
