import { Client, Connection } from '@temporalio/client';
import { Command } from 'commander';
import { closeBody } from '../app/api/v1/closes/route.js';
import { type Environment, readSettings } from '../config.js';
import { CloseService } from '../services/closeService.js';
import { CloseStarter } from '../services/closeStarter.js';
import { temporalConnection } from '../temporal.js';
import { withLedger } from './ledger.js';

const POLL_MS = 500;

export const closeCommand = (settings: () => Environment) =>
  new Command('close')
    .argument('<period>', 'an ended month, YYYY-MM')
    .description(
      'bill the usage of a month, and wait until that is done; starts the closes of earlier months that nobody has closed; may be repeated',
    )
    .option('--json', 'print JSON')
    .action(async (period: string, { json }: { json?: boolean }) => {
      const given = readSettings(settings());
      const connection = await Connection.connect(temporalConnection(given));
      const client = new Client({ connection, namespace: given.TEMPORAL_NAMESPACE });
      const close = await withLedger(settings, async (pool) => {
        const closes = new CloseService(pool, given.BILLING_TIME_ZONE, given.CLOSE_GRACE);
        const starter = new CloseStarter(client, pool, closes, given.TEMPORAL_TASK_QUEUE);
        await starter.start(period, new Date());
        for (;;) {
          const progress = await starter.find(period);
          if (progress !== undefined && progress.status !== 'running') return progress;
          await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        }
      }).finally(() => connection.close());
      const { total, failed } = close.teams;
      if (close.failure !== null) process.stderr.write(`${close.failure}\n`);
      const outcome =
        close.status === 'completed' ? 'is closed' : 'is not closed, its workflow was stopped';
      process.stdout.write(
        json
          ? `${JSON.stringify(closeBody(close), null, 2)}\n`
          : `${period} ${outcome}: ${total} records, ${failed} failed.\n`,
      );
      if (close.status === 'failed' || failed > 0) process.exitCode = 1;
    });
