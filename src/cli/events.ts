import { Command, Option } from 'commander';
import type { Environment } from '../config.js';
import { type EventStatus, listStripeEvents } from '../db/stripeEvents.js';
import { withLedger } from './ledger.js';
import { print } from './print.js';

/** More than anyone reads; the API has pages. */
const MOST = 1_000;

export const eventsCommand = (settings: () => Environment) =>
  new Command('events')
    .description("Stripe's events that wait, oldest first")
    .addOption(new Option('--parked', 'those whose team nobody knows').conflicts('waiting'))
    .addOption(new Option('--waiting', 'those that Temporal has not taken'))
    .option('--json', 'print JSON')
    .action(async ({ waiting, json }: { parked?: boolean; waiting?: boolean; json?: boolean }) => {
      const status: EventStatus = waiting ? 'waiting' : 'parked';
      const rows = await withLedger(settings, (pool) => listStripeEvents(pool, status, null, MOST));
      print(rows, json ?? false);
    });
