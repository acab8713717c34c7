import { Command } from 'commander';
import type { Environment } from '../config.js';

export const closeCommand = (settings: () => Environment) =>
  new Command('close')
    .argument('<period>', 'an ended month, YYYY-MM')
    .description(
      'bill the usage of a month, and wait until that is done; starts the closes of earlier months that nobody has closed; may be repeated',
    )
    .option(
      '--failed',
      'of a month that is closed: bill the records again that Stripe has refused, and nothing else',
    )
    .option('--json', 'print JSON')
    .action(async (period: string, options: { json?: boolean; failed?: boolean }) => {
      // Temporal's client takes longer to load than all that other commands need.
      const { closeMonth } = await import('./close.js');
      await closeMonth(settings, period, options);
    });
