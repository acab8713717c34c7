import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { closeBody } from '../app/api/v1/closes/route.js';
import { type Environment, readSettings } from '../config.js';
import { failedBillings } from '../db/billingFates.js';
import type { Close } from '../db/closes.js';
import { readCloseTotals } from '../db/closeTotals.js';
import type { Pool } from '../db/pool.js';
import { closeProgress } from '../domain/closeProgress.js';
import { CloseService } from '../services/closeService.js';
import { CloseStarter } from '../services/closeStarter.js';
import { temporalConnection } from '../temporal.js';
import { fatesOf, totalsOf } from './closeReport.js';
import { withLedger } from './ledger.js';
import { ProgressLine } from './progressLine.js';

const POLL_MS = 1_000;

const needed = [
  'TEMPORAL_ADDRESS',
  'TEMPORAL_NAMESPACE',
  'TEMPORAL_TASK_QUEUE',
  'TEMPORAL_API_KEY',
  'TEMPORAL_TLS_CERT',
  'TEMPORAL_TLS_KEY',
  'BILLING_TIME_ZONE',
  'CLOSE_GRACE',
] as const;

/** Closes a month, and tells what came of it. */
export async function closeMonth(
  settings: () => Environment,
  period: string,
  options: { json?: boolean; failed?: boolean },
): Promise<void> {
  const given = readSettings(settings(), needed);
  const connection = await Connection.connect(temporalConnection(given));
  const client = new Client({ connection, namespace: given.TEMPORAL_NAMESPACE });
  await withLedger(settings, async (pool) => {
    const closes = new CloseService(pool, given.BILLING_TIME_ZONE, given.CLOSE_GRACE);
    const starter = new CloseStarter(client, pool, closes, given.TEMPORAL_TASK_QUEUE);
    const failedBefore = options.failed ? await failedBillings(pool, period, null) : [];
    const now = new Date();
    await (options.failed ? starter.retryFailed(period, now) : starter.start(period, now));
    const close = await ended(starter, period);
    const again = failedBefore.map(({ teamId }) => teamId);
    await tell(pool, close, { ...options, again });
  }).finally(() => connection.close());
}

/** Waits for the end of a close, and shows how far it is. */
async function ended(starter: CloseStarter, period: string): Promise<Close> {
  const line = new ProgressLine(period, process.stderr);
  for (;;) {
    const close = await starter.find(period);
    const now = new Date();
    if (close !== undefined) line.show(closeProgress(close.counts, now), now);
    if (close !== undefined && close.status !== 'running') {
      line.end();
      return close;
    }
    await delay(POLL_MS);
  }
}

/** Prints what came of it. `again`: the teams whose records were billed again. */
async function tell(
  pool: Pool,
  close: Close,
  { json, failed, again }: { json?: boolean; failed?: boolean; again: string[] },
): Promise<void> {
  if (close.failure !== null) process.stderr.write(`${close.failure}\n`);
  const totals = await readCloseTotals(pool, close.period);
  const fates = failed ? await fatesOf(pool, close.period, again) : undefined;
  if (json) {
    const { records, tokens, amounts } = totals;
    const body = { ...closeBody(close, new Date()), records, tokens, amounts };
    process.stdout.write(
      `${JSON.stringify({ ...body, ...(fates && { again: fates.records }) }, null, 2)}\n`,
    );
  } else {
    if (fates !== undefined) process.stdout.write(fates.text);
    process.stdout.write(totalsOf(close, totals));
  }
  if (close.status === 'failed' || close.teams.failed > 0) process.exitCode = 1;
}
