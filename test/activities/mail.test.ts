import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger, type LogEntry } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mailActivities } from '../../activities/mail.js';
import { insertEmails, MAILER_LOCK } from '../../src/db/emails.js';
import { exclusively } from '../../src/db/exclusive.js';
import { createPool, type Pool } from '../../src/db/pool.js';
import { putTeam } from '../../src/db/teams.js';
import { createPostmark } from '../../src/email/postmark.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.js';
import { createDatabase, type Database } from '../support/database.js';
import { controlSandbox } from '../support/sandboxControl.js';

let database: Database;
let sandbox: Sandbox;
let pool: Pool;
beforeAll(async () => {
  [database, sandbox] = await Promise.all([createDatabase(), startSandbox({ port: 0 })]);
  pool = createPool(database.url, () => {});
  const team = { id: 'acme', name: 'Acme', adminEmail: 'a@acme.example', stripeCustomerId: null };
  await putTeam(pool, team);
});
afterAll(async () => {
  await Promise.all([pool?.end(), sandbox?.close()]);
  await database?.drop();
});

/** By the workflow's clock, which is not this machine's. */
const NOW = '2031-05-06T07:08:09.000Z';

/** One run of the activity, with the errors that it logs. */
async function sendWaiting(operationsEmail?: string) {
  const logged: LogEntry[] = [];
  const logger = new DefaultLogger('ERROR', (entry) => logged.push(entry));
  const postmark = createPostmark('sandbox', sandbox.url);
  const mailFrom = 'billing@tagih.example';
  const { sendWaitingMails } = mailActivities({
    pool,
    postmark,
    mailFrom,
    operationsEmail,
    zone: 'Asia/Jakarta',
    attachStatement: false,
  });
  const environment = new MockActivityEnvironment(
    { currentAttemptScheduledTimestampMs: Date.parse(NOW) },
    { logger },
  );
  return { answer: await environment.run(sendWaitingMails), logged };
}

const write = (kind: string, cause: string, details: object) =>
  insertEmails(pool, [{ teamId: 'acme', kind, cause, details }]);

async function written() {
  const { rows } = await pool.query<{ cause: string; sent: boolean; refused: string | null }>(
    'select cause, sent_at is not null as sent, refused from tagih.emails order by id',
  );
  return rows;
}

test('R36: a mail that can not be rendered keeps no other back, is marked, and logged as an error', async () => {
  await write('payment-warning', 'in_1', { invoiceId: 'in_1' });
  await write('payment-warning', 'in_2', { invoiceId: 'in_2', amountDue: 1, nextAttemptAt: null });
  await write('of-another-release', 'in_3', {});
  const { answer, logged } = await sendWaiting();

  expect(answer).toEqual({ sent: 1, more: false });
  expect(await written()).toEqual([
    { cause: 'in_1', sent: false, refused: 'unrenderable' },
    { cause: 'in_2', sent: true, refused: null },
    { cause: 'in_3', sent: false, refused: 'unrenderable' },
  ]);
  expect(logged.map(({ message }) => message)).toEqual(
    Array(2).fill('a mail could not be rendered'),
  );
});

test('R8: a mail was sent at the time of the workflow', async () => {
  const { rows } = await pool.query<{ at: Date }>(
    'select sent_at as at from tagih.emails where sent_at is not null',
  );
  expect(rows).toEqual([{ at: new Date(NOW) }]);
});

test('R36: where none can be rendered Postmark is asked nothing', async () => {
  await write('of-another-release', 'in_4', {});
  expect((await sendWaiting()).answer).toEqual({ sent: 0, more: false });
  expect((await written()).at(-1)).toMatchObject({ refused: 'unrenderable' });
  expect((await sendWaiting()).logged).toEqual([]);
});

test('R36: of a batch each mail has the end that Postmark gave it, and a refusal is on its timeline', async () => {
  const teams = ['good', 'inactive', 'later'];
  for (const id of teams) {
    const adminEmail = `${id === 'inactive' ? 'inactive' : 'a'}@${id}.example`;
    await putTeam(pool, { id, name: id, adminEmail, stripeCustomerId: null });
  }
  const mails = teams.map((teamId) => {
    const details = { invoiceId: `in_${teamId}`, amountDue: 1, nextAttemptAt: null };
    return { teamId, kind: 'payment-warning', cause: details.invoiceId, details };
  });
  await insertEmails(pool, mails);
  expect((await sendWaiting()).answer).toEqual({ sent: 2, more: false });

  expect((await written()).slice(-3)).toEqual([
    { cause: 'in_good', sent: true, refused: null },
    { cause: 'in_inactive', sent: false, refused: '406' },
    { cause: 'in_later', sent: true, refused: null },
  ]);
  const { rows } = await pool.query('select kind from tagih.timeline where team_id = any($1)', [
    teams,
  ]);
  expect(rows).toEqual([{ kind: 'mail_refused' }]);
});

const summary = {
  period: '2031-04',
  plan: 'pro',
  usedTokens: 7,
  tokenLimit: 50_000,
  lines: [],
  amountDue: 0,
};

/** Causes of the mails that Postmark was given, in that order. */
async function given(): Promise<(string | undefined)[]> {
  const mails = await controlSandbox<{ metadata: { cause?: string } }[]>(
    sandbox.url,
    'GET',
    '/mails',
  );
  return mails.map(({ metadata }) => metadata.cause).toReversed();
}

test('what a close writes by the thousands lets all other mails go first', async () => {
  const causes = Array.from({ length: 501 }, (_, n) => `month-${n}`);
  await insertEmails(
    pool,
    causes.map((cause) => ({ teamId: 'acme', kind: 'monthly-summary', cause, details: summary })),
  );
  await write('payment-warning', 'in_5', { invoiceId: 'in_5', amountDue: 1, nextAttemptAt: null });
  const before = (await given()).length;
  expect((await sendWaiting()).answer).toEqual({ sent: 500, more: true });
  expect((await given())[before]).toBe('in_5');
  expect((await sendWaiting()).answer).toEqual({ sent: 2, more: false });
  expect((await given()).slice(before + 1)).toEqual(causes);
});

test('R36: two mailers at once send no mail twice', async () => {
  const causes = Array.from({ length: 100 }, (_, n) => `twice-${n}`);
  await insertEmails(
    pool,
    causes.map((cause) => ({ teamId: 'acme', kind: 'monthly-summary', cause, details: summary })),
  );
  const mailers = await Promise.allSettled([sendWaiting(), sendWaiting(), sendWaiting()]);
  for (const mailer of mailers) {
    if (mailer.status === 'rejected') expect(mailer.reason.message).toBe('Another mailer sends');
  }
  expect((await given()).filter((cause) => cause?.startsWith('twice'))).toEqual(causes);
  expect((await sendWaiting()).answer).toEqual({ sent: 0, more: false });
});

test('R36: a mailer that has died keeps no other from sending', async () => {
  const dying = createPool(database.url, () => {});
  const dead = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const turn = exclusively(dying, MAILER_LOCK, () => {
    begun.resolve();
    return dead.promise;
  });
  await begun.promise;
  await expect(sendWaiting()).rejects.toThrow('Another mailer sends');
  await pool.query(
    `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid = $1`,
    [MAILER_LOCK],
  );
  await expect.poll(async () => (await sendWaiting()).answer).toEqual({ sent: 0, more: false });
  dead.resolve();
  await turn;
  await dying.end();
});

const report = {
  period: '2031-04',
  status: 'completed',
  failure: null,
  seconds: 3_723,
  teams: 12_345,
  tokens: 6_000_007,
  records: { pending: 12_342, failed: 3 },
  amounts: [{ currency: 'idr', overage: 29_900_034, due: 29_900_000, failed: 1_234 }],
  failures: [{ teamId: 'toko-maju', failure: 'resource_missing' }],
  moreFailures: 2,
};

test('a report of a close goes to operations, and says what there is to do', async () => {
  await insertEmails(pool, [
    { teamId: null, kind: 'close-report', cause: '2031-04:1', details: report },
  ]);
  expect((await sendWaiting('ops@tagih.example')).answer).toEqual({ sent: 1, more: false });
  const [mail] = await controlSandbox<{ text: string }[]>(sandbox.url, 'GET', '/mails');
  expect(mail).toMatchObject({
    to: 'ops@tagih.example',
    tag: 'close-report',
    subject: '2031-04 is closed, 3 failed',
    metadata: { cause: '2031-04:1' },
  });
  const parts = [
    'after 1 h 2 min 3 s',
    'Teams: 12.345',
    'Tokens: 6.000.007',
    'Records that failed: 3',
    'Usage above the plans, IDR: Rp\u00a0299.000,34',
    'Due beside the plans, IDR: Rp\u00a0299.000',
    'Of that failed, IDR: Rp\u00a012,34',
    'toko-maju (resource_missing), and 2 more',
    'tagih close 2031-04 --failed',
  ];
  for (const part of parts) expect(mail?.text).toContain(part);
});

test('one that nobody is to be told of any more is refused, on no timeline, and keeps no other back', async () => {
  await insertEmails(pool, [
    { teamId: null, kind: 'close-report', cause: '2031-04:2', details: report },
    { teamId: null, kind: 'of-another-release', cause: '1', details: {} },
  ]);
  await write('payment-warning', 'in_6', { invoiceId: 'in_6', amountDue: 1, nextAttemptAt: null });
  expect((await sendWaiting()).answer).toEqual({ sent: 1, more: false });
  expect((await written()).slice(-3)).toMatchObject([
    { cause: '2031-04:2', refused: 'unrenderable' },
    { cause: '1', refused: 'unrenderable' },
    { cause: 'in_6', sent: true },
  ]);
});
