import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger, type LogEntry } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mailActivities } from '../../activities/mail.js';
import { insertEmails } from '../../src/db/emails.js';
import { createPool, type Pool } from '../../src/db/pool.js';
import { putTeam } from '../../src/db/teams.js';
import { createPostmark } from '../../src/email/postmark.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.js';
import { createDatabase, type Database } from '../support/database.js';

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
async function sendWaiting() {
  const logged: LogEntry[] = [];
  const logger = new DefaultLogger('ERROR', (entry) => logged.push(entry));
  const postmark = createPostmark('sandbox', sandbox.url);
  const mailFrom = 'billing@tagih.example';
  const { sendWaitingMails } = mailActivities({
    pool,
    postmark,
    mailFrom,
    zone: 'Asia/Jakarta',
    attachStatement: true,
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
