import { Command } from 'commander';
import type { Environment } from '../config.js';
import { enqueueResync, enqueueResyncOfAll } from '../services/resync.js';
import { withLedger } from './ledger.js';

export const resyncCommand = (settings: () => Environment) =>
  new Command('resync')
    .argument('[team]', 'one team; all of them without it')
    .description('read teams at Stripe anew, and start their workflows where Temporal lost them')
    .action(async (teamId: string | undefined) => {
      const now = new Date();
      const count = await withLedger(settings, async (pool) => {
        if (teamId === undefined) return enqueueResyncOfAll(pool, now);
        await enqueueResync(pool, teamId, now);
        return 1;
      });
      process.stdout.write(`${count} ${count === 1 ? 'team' : 'teams'} will be read anew.\n`);
    });
