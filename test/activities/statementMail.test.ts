import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mailActivities } from '../../activities/mail.js';
import { insertEmails } from '../../src/db/emails.js';
import { transaction } from '../../src/db/pool.js';
import { createPostmark } from '../../src/email/postmark.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.js';
import { ALL, freshBooks, january, noon } from '../services/closing.js';
import type { Mail } from '../support/product.js';
import { controlSandbox } from '../support/sandboxControl.js';

const books = freshBooks();
let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ port: 0 });
});
afterAll(() => sandbox?.close());

/** One run of the activity that sends mails with their statements. */
function send(): Promise<{ sent: number; more: boolean }> {
  const { sendWaitingMails } = mailActivities({
    pool: books.pool,
    postmark: createPostmark('sandbox', sandbox.url),
    mailFrom: 'billing@tagih.example',
    zone: 'Asia/Jakarta',
    attachStatement: true,
    operationsEmail: undefined,
  });
  // It logs what it refuses, which is no news here.
  const logger = new DefaultLogger('ERROR', () => {});
  return new MockActivityEnvironment({}, { logger }).run(sendWaitingMails);
}

const mailsOf = async (teamId: string) =>
  (await controlSandbox<Mail[]>(sandbox.url, 'GET', '/mails')).filter(
    ({ metadata }) => metadata['teamId'] === teamId,
  );

/** A team whose January is closed, and that is to be told. */
async function summarised(): Promise<string> {
  const team = await books.team('pro');
  await books.track(team, 60_000, noon(january, 10));
  await books.close(january);
  await books.closes.writeSummaries(january.id, ALL, noon(january, 40));
  await books.pool.query("delete from tagih.emails where kind <> 'monthly-summary'");
  return team;
}

test('R36: a mail whose statement can not be made keeps no other back, and is on the timeline', async () => {
  const wrong = await books.team('pro');
  await books.track(wrong, 70_000, noon(january, 10));
  const right = await summarised();
  await books.pool.query('update tagih.usage_billings set amount_due = 1 where team_id = $1', [
    wrong,
  ]);
  await books.pool.query(
    `insert into tagih.emails (team_id, kind, cause, details)
     select team_id, kind, '2030-12', details from tagih.emails where team_id = $1`,
    [right],
  );

  expect(await send()).toEqual({ sent: 1, more: false });
  expect(await mailsOf(wrong)).toEqual([]);
  expect(await mailsOf(right)).toMatchObject([
    { attachments: [{ contentType: 'application/pdf' }] },
  ]);
  const { rows } = await books.pool.query(
    `select team_id as team, cause, details->>'code' as code from tagih.timeline
      where kind = 'mail_refused' order by cause`,
  );
  expect(rows).toEqual([
    { team: right, cause: '2030-12', code: 'unrenderable' },
    { team: wrong, cause: '2031-01', code: 'unrenderable' },
  ]);
});

test('R36: a ledger that goes away while a statement is made refuses no mail', async () => {
  const team = await summarised();
  await transaction(books.pool, async (db) => {
    await db.query('lock table tagih.usage_billings in access exclusive mode');
    const sending = expect(send()).rejects.toThrow(/terminat/i);
    await expect.poll(() => books.waitingForLocks()).toBe(1);
    await db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`,
    );
    await sending;
  });
  expect(await send()).toEqual({ sent: 1, more: false });
  expect(await mailsOf(team)).toHaveLength(1);
});

test('R36: a batch is as large as Postmark takes, and the rest follows', async () => {
  const team = await books.team('free');
  const words = 'x'.repeat(1_000_000);
  const mail = (cause: string) => ({
    teamId: team,
    kind: 'plan-changed',
    cause,
    details: { from: 'free', to: words, at: noon(january, 1).toISOString() },
  });
  const causes = Array.from({ length: 15 }, (_, index) => `c${index}`);
  await insertEmails(books.pool, causes.map(mail));

  const first = await send();
  expect(first.more).toBe(true);
  expect(await mailsOf(team)).toHaveLength(first.sent);
  const second = await send();
  expect(second).toEqual({ sent: causes.length - first.sent, more: false });
  expect((await mailsOf(team)).map(({ metadata }) => metadata['cause']).toSorted()).toEqual(
    causes.toSorted(),
  );
});
