import { afterEach, expect, test } from 'vitest';
import { cli } from '../support/cli.js';
import { monthsAgo, recordOf, subscribedIn, track } from '../support/months.js';
import { type Mail, sharedProduct } from '../support/product.js';
import { patiently } from '../support/stories.js';

const OPERATIONS = 'operations@tagih.example';
const product = sharedProduct({ OPERATIONS_EMAIL: OPERATIONS });
afterEach(() => product.control('DELETE', '/faults'));

const closeOf = async (period: string) =>
  (await product.api('GET', `/api/v1/closes/${period}`)).body;

/** What Prometheus reads, by names that begin so. */
async function metrics(beginning: string): Promise<string[]> {
  const response = await fetch(`${product.url}/metrics`);
  return (await response.text()).split('\n').filter((line) => line.startsWith(beginning));
}

/** What Temporal UI shows of the close. */
async function details(period: string): Promise<string> {
  const workflow = product.temporal.workflow.getHandle(`close:${period}`);
  const shown = await workflow.query<{ currentDetails: string }>('__temporal_workflow_metadata');
  return shown.currentDetails;
}

/** The reports of a month that operations were sent, the oldest first. */
async function reports(period: string): Promise<Mail[]> {
  const mails = await product.control<Mail[]>('GET', '/mails');
  const reports = mails.filter(({ tag, to }) => tag === 'close-report' && to === OPERATIONS);
  return reports.filter(({ metadata }) => metadata['cause']?.startsWith(period)).toReversed();
}

const fail = (fault: object) =>
  product.control('POST', '/faults', {
    method: 'POST',
    path: '^/v1/invoiceitems$',
    kind: 'error',
    ...fault,
  });

test('a close under way shows how far it is: in the API, in Temporal UI, to Prometheus', async () => {
  const month = monthsAgo(1);
  for (const tokens of [50_100, 50_200]) {
    const { teamId } = await subscribedIn(product, month, 'pro');
    await track(product, month, teamId, tokens);
  }
  await fail({ status: 503 });
  expect((await product.api('POST', '/api/v1/closes', { period: month.id })).status).toBe(202);
  await expect
    .poll(() => closeOf(month.id), patiently)
    .toMatchObject({
      status: 'running',
      progress: { stage: 'billing', done: 0, total: 2, percent: 15, perSecond: null },
      teams: { total: 2, done: 0, failed: 0 },
      overage: { amount: 300 },
    });
  await expect.poll(() => details(month.id), patiently).toBe('15 % · 0 of 2 records are billed');
  expect(await metrics('tagih_close_')).toEqual([
    `tagih_close_percent{period="${month.id}"} 15`,
    `tagih_close_records{period="${month.id}"} 2`,
    `tagih_close_records_done{period="${month.id}"} 0`,
  ]);
  expect(await reports(month.id)).toEqual([]);

  await product.control('DELETE', '/faults');
  await expect
    .poll(() => closeOf(month.id), patiently)
    .toMatchObject({
      status: 'completed',
      progress: { stage: null, done: 2, total: 2, percent: 100, expectedEnd: null },
      teams: { total: 2, done: 2, failed: 0 },
    });
  expect(await details(month.id)).toBe('100 % · all 2 records are billed');
  expect(await metrics('tagih_close_')).toEqual([]);
  await expect
    .poll(() => reports(month.id), patiently)
    .toMatchObject([{ subject: `${month.id} is closed`, metadata: { cause: `${month.id}:1` } }]);
});

test('R32, R34: one record fails for good, the others go on; it is shown, and billed again alone', async () => {
  const month = monthsAgo(2);
  const teams: string[] = [];
  for (const tokens of [50_010, 50_020, 50_030]) {
    const { teamId } = await subscribedIn(product, month, 'pro');
    await track(product, month, teamId, tokens);
    teams.push(teamId);
  }
  const early = await cli(product, 'close', month.id, '--failed');
  expect(early).toMatchObject({ code: 1, stdout: '' });
  expect(early.stderr).toContain(`the close of ${month.id} has not completed`);

  const error = { type: 'invalid_request_error', code: 'resource_missing', message: 'No such' };
  await fail({ status: 404, times: 1, body: { error } });
  const closed = await cli(product, 'close', month.id);
  const path = `/api/v1/usage-billings?period=${month.id}&status=failed`;
  const [failed, ...others] = (await product.api('GET', path)).body.items;
  expect(others).toEqual([]);
  expect(failed).toMatchObject({ failure: 'resource_missing', stripeInvoiceItemId: null });
  const { teamId } = failed;
  expect(closed.code).toBe(1);
  expect(closed.stdout).toContain(`${month.id} is closed: 3 records, 1 failed.\n`);
  expect(closed.stdout).toContain('150,060 tokens; 1 failed, 2 pending\n');
  expect(closed.stdout).toContain(`Rp\u00a00,60 due, ${failed.amountDue.display} of that failed\n`);
  expect(closed.stdout).toContain(`  ${teamId}: resource_missing\n`);
  expect(closed.stderr).toContain(`${month.id} 100.0 %\n`);
  expect(await closeOf(month.id)).toMatchObject({ teams: { total: 3, done: 2, failed: 1 } });
  expect(await details(month.id)).toBe(
    `100 % · all 3 records are billed but 1, which Stripe has refused: mend the cause, then \`tagih close ${month.id} --failed\``,
  );
  expect(await metrics('tagih_usage_billings_failed')).toEqual(['tagih_usage_billings_failed 1']);

  const before = await Promise.all(teams.map((team) => recordOf(product, month, team)));
  const again = await cli(product, 'close', month.id, '--failed');
  expect(again.code).toBe(0);
  expect(again.stdout).toContain('1 record had failed; now: 1 pending.\n');
  const after = await Promise.all(teams.map((team) => recordOf(product, month, team)));
  const changed = after.filter((record, n) => record.status !== before[n].status);
  expect(changed).toMatchObject([{ teamId, status: 'pending', failure: null }]);
  expect(await metrics('tagih_usage_billings_failed')).toEqual(['tagih_usage_billings_failed 0']);

  // Nothing else was done once more: a run of all would have sealed, counted and written.
  const history = await product.temporal.workflow.getHandle(`close:${month.id}`).fetchHistory();
  const steps = (history.events ?? []).flatMap(
    ({ activityTaskScheduledEventAttributes: activity }) => activity?.activityType?.name ?? [],
  );
  expect([...new Set(steps)]).toEqual(['beginClose', 'pagesToBill', 'finishClose']);

  await expect
    .poll(() => reports(month.id), patiently)
    .toMatchObject([
      { subject: `${month.id} is closed, 1 failed`, metadata: { cause: `${month.id}:1` } },
      { subject: `${month.id} is closed`, metadata: { cause: `${month.id}:2` } },
    ]);
  const [{ text } = { text: '' }] = await reports(month.id);
  expect(text).toContain(`${teamId} (resource_missing)`);
});

test('what has failed is billed again over HTTP, of a close that has completed alone', async () => {
  const month = monthsAgo(3);
  const ask = (body: object) =>
    product.api('POST', '/api/v1/closes', { period: month.id, ...body });
  expect((await ask({ failed: true })).body).toMatchObject({
    status: 409,
    code: 'close_not_completed',
  });
  expect((await ask({ failed: 'yes' })).status).toBe(400);
  expect((await ask({})).status).toBe(202);
  await expect.poll(() => closeOf(month.id), patiently).toMatchObject({ status: 'completed' });
  await product.temporal.workflow.getHandle(`close:${month.id}`).result();
  expect((await ask({ failed: true })).body).toMatchObject({ period: month.id });
  await expect.poll(async () => (await reports(month.id)).length, patiently).toBe(2);
});
