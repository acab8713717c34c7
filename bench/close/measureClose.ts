import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import type pg from 'pg';
import type { Period } from '../../src/domain/period.js';
import { closeWorkflowId } from '../../src/domain/workflowIds.js';
import { cpuSeconds, familyCpuSeconds, residentMb } from '../usage/processStats.js';
import type { Stage } from '../usage/stage.js';
import { API_KEY, openWorld } from '../world.js';
import { type Histories, readHistories } from './histories.js';
import { addSubscribers } from './sandboxObjects.js';
import { EVENTS, fillLedger, teamsAbove } from './teams.js';
import { verifyClose } from './verify.js';

/** What closing a month took. Times in seconds, memory in MB, processor time in cores. */
export interface MeasuredClose {
  teams: number;
  events: number;
  overage: number;
  /** Requests a second to an endpoint of Stripe. */
  limit: number;
  /** From the request to the last record at Stripe and the last mail sent. */
  whole: number;
  seal: number;
  verify: number;
  records: number;
  summaries: number;
  stripe: number;
  mails: number;
  /** Of the worker, before and at most. */
  memory: { before: number; most: number };
  cores: { worker: number; postgres: number; sandbox: number };
  temporal: Omit<Histories, 'spans'>;
  /** Of Postgres, in MB. */
  stored: { before: number; after: number };
}

const SAMPLE_MS = 100;

/** Fills a ledger with a month of so many teams, closes it, and adds it up anew. */
export async function measureClose(
  stage: Stage,
  month: Period,
  { teams, limit }: { teams: number; limit: number },
): Promise<MeasuredClose> {
  const world = await openWorld(stage, `close_${teams}_${limit}`);
  try {
    const { ledger, sandbox, temporalAddress, start } = world;
    const above = teamsAbove(teams);
    await addSubscribers(sandbox, above);
    await fillLedger(ledger, teams, month);
    const { url } = await start('server');
    const worker = await start('worker', { STRIPE_RATE_LIMIT: String(limit) });
    const connection = await Connection.connect({ address: temporalAddress });
    const client = new Client({ connection });
    await stage.checkpoint();

    const before = { memory: residentMb(worker.pid), stored: await databaseMb(ledger) };
    const processorTime = () => ({
      worker: cpuSeconds(worker.pid),
      postgres: familyCpuSeconds(stage.postgresPid),
      sandbox: cpuSeconds(sandbox.pid),
    });
    const memory = [before.memory];
    const sampling = setInterval(() => memory.push(residentMb(worker.pid)), SAMPLE_MS);
    const cpuBefore = processorTime();
    const begun = new Date();
    try {
      const closed = closeMonth(client, url, month.id).then(() => untilMailed(ledger));
      await Promise.race([closed, worker.failed]);
    } finally {
      clearInterval(sampling);
    }
    const cpuAfter = processorTime();
    const ended = await endOf(ledger, month.id);
    const seconds = (to: Date) => (to.getTime() - begun.getTime()) / 1_000;
    const whole = Math.max(seconds(ended.closed), seconds(ended.mailed));
    const cores = (part: keyof typeof cpuBefore) => (cpuAfter[part] - cpuBefore[part]) / whole;

    await verifyClose(ledger, sandbox, month.id);
    const { spans, ...temporal } = await readHistories(client);
    await connection.close();
    const span = (activity: string) => spans.get(activity) ?? 0;
    return {
      teams,
      events: teams * EVENTS,
      overage: above.length,
      limit,
      whole,
      seal: span('sealPeriod'),
      verify: span('verifyUsage'),
      records: span('writeRecords'),
      summaries: span('writeSummaries'),
      stripe: span('billOverage'),
      mails: span('sendWaitingMails'),
      memory: { before: before.memory, most: Math.max(...memory) },
      cores: { worker: cores('worker'), postgres: cores('postgres'), sandbox: cores('sandbox') },
      temporal,
      stored: { before: before.stored, after: await databaseMb(ledger) },
    };
  } finally {
    await world.close();
  }
}

async function closeMonth({ workflow }: Client, url: string, period: string): Promise<void> {
  const response = await fetch(`${url}/api/v1/closes`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ period }),
  });
  if (response.status !== 202) {
    throw new Error(`the close was answered ${response.status}: ${await response.text()}`);
  }
  await workflow.getHandle(closeWorkflowId(period)).result();
}

async function untilMailed(ledger: pg.Pool): Promise<void> {
  for (;;) {
    const { rowCount } = await ledger.query(
      'select from emails where sent_at is null and refused is null limit 1',
    );
    if (rowCount === 0) return;
    await delay(SAMPLE_MS);
  }
}

async function endOf(ledger: pg.Pool, period: string): Promise<{ closed: Date; mailed: Date }> {
  const { rows } = await ledger.query<{ closed: Date; mailed: Date }>(
    `select finished_at as closed, (select max(sent_at) from emails) as mailed
       from closes where period = $1 and status = 'completed'`,
    [period],
  );
  const [ended] = rows;
  if (ended === undefined) throw new Error(`the close of ${period} is not completed`);
  return ended;
}

async function databaseMb(ledger: pg.Pool): Promise<number> {
  const { rows } = await ledger.query<{ bytes: string }>(
    'select pg_database_size(current_database()) as bytes',
  );
  return Number(rows[0]?.bytes) / 2 ** 20;
}
