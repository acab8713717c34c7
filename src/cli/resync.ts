import { Command } from 'commander';
import type { Environment } from '../config.js';
import { enqueueResync } from '../services/resync.js';
import { withLedger } from './ledger.js';

export const resyncCommand = (settings: () => Environment) =>
  new Command('resync')
    .argument('[team]', 'one team; all of them without it')
    .description('read teams at Stripe anew, and start their workflows where Temporal lost them')
    .action(async (teamId: string | undefined) => {
      const count = await withLedger(settings, (pool) =>
        enqueueResync(pool, teamId ?? null, new Date()),
      );
      process.stdout.write(`${count} ${count === 1 ? 'team' : 'teams'} will be read anew.\n`);
    });
