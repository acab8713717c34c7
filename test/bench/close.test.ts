import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mailActivities } from '../../activities/mail.js';
import { addSubscribers } from '../../bench/close/sandboxObjects.js';
import { fillLedger, teamsAbove } from '../../bench/close/teams.js';
import { verifyClose } from '../../bench/close/verify.js';
import { createPool, type Pool } from '../../src/db/pool.js';
import { createPostmark } from '../../src/email/postmark.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.js';
import { CloseService } from '../../src/services/closeService.js';
import { OverageService } from '../../src/services/overageService.js';
import { createStripe } from '../../src/stripe/client.js';
import { createDatabase, type Database } from '../support/database.js';
import { monthsAgo } from '../support/months.js';

const TEAMS = 20;
const zone = 'Asia/Jakarta';
const month = monthsAgo(1);

let folder: string;
let database: Database;
let sandbox: Sandbox & { file: string };
let ledger: Pool;

/** A closed month of twenty teams. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tagih-sandbox-'));
  const file = join(folder, 'sandbox.db');
  database = await createDatabase();
  sandbox = { ...(await startSandbox({ port: 0, file })), file };
  ledger = createPool(database.url, () => {}, { options: '-c search_path=tagih' });
  await fillLedger(ledger, TEAMS, month);
  await addSubscribers(sandbox, teamsAbove(TEAMS));

  const closes = new CloseService(ledger, zone, 0);
  await closes.begin(month.id, new Date());
  const [all, ...more] = await closes.seal(month.id, new Date());
  if (all === undefined || more.length > 0) throw new Error('twenty teams are one range');
  await closes.writeRecords(month.id, all);
  await closes.writeSummaries(month.id, all, new Date());
  const stripe = createStripe('sk_test_bench', sandbox.url);
  await new OverageService(ledger, stripe).billPage(month.id, all);
  const postmark = createPostmark('bench', sandbox.url);
  const mail = mailActivities({
    pool: ledger,
    postmark,
    mailFrom: 'billing@tagih.example',
    zone,
    attachStatement: false,
    operationsEmail: undefined,
  });
  await new MockActivityEnvironment().run(mail.sendWaitingMails);
});
afterAll(async () => {
  await Promise.all([ledger?.end(), sandbox?.close()]);
  await database?.drop();
  rmSync(folder, { recursive: true });
});

/** What the benchmark says of a ledger that was changed, for the moment. */
async function changed(statement: string): Promise<void> {
  const client = await ledger.connect();
  try {
    await client.query('begin');
    await client.query(statement);
    await verifyClose(client, sandbox, month.id);
  } finally {
    await client.query('rollback');
    client.release();
  }
}

test('the benchmark of a close accepts a month that is billed as it was used (R32)', async () => {
  await verifyClose(ledger, sandbox, month.id);
});

test.each([
  ['an amount is wrong', 'update usage_billings set amount_due = amount_due + 1'],
  ['a record is missing', 'delete from usage_billings where amount_due = 0'],
  ['an event came to no bill', 'update usage_events set tokens = tokens + 1'],
  ['a record is not billed', "update usage_billings set status = 'due' where amount_due > 0"],
])('the benchmark of a close fails when %s (R33)', async (_, statement) => {
  await expect(changed(statement)).rejects.toThrow('not billed what they used');
});

test('the benchmark of a close fails when Stripe has an item twice (R34)', async () => {
  const stripe = createStripe('sk_test_bench', sandbox.url);
  const [item] = (await stripe.invoiceItems.list({ limit: 1 })).data;
  const { amount, currency, metadata } = item ?? expect.fail('there is no item');
  const customer = 'cus_bench_0';
  const again = { customer, amount, currency, metadata: metadata ?? {} };
  const { id } = await stripe.invoiceItems.create(again);
  await expect(verifyClose(ledger, sandbox, month.id)).rejects.toThrow('1 teams are not billed');
  await stripe.invoiceItems.del(id);
  await verifyClose(ledger, sandbox, month.id);
});

test('the benchmark of a close fails when a team was mailed twice (R32)', async () => {
  const postmark = createPostmark('bench', sandbox.url);
  const message = { From: 'a@b.example', To: 'a@team.example', Subject: '', TextBody: 'Again' };
  await postmark.sendEmail({ ...message, Tag: 'monthly-summary' });
  await expect(verifyClose(ledger, sandbox, month.id)).rejects.toThrow('21 summaries');
});
