import { Command } from 'commander';
import { type Environment, readSettings } from '../config.js';
import { BillingService } from '../services/billingService.js';
import { type Imported, importTeams } from '../services/importTeams.js';
import { TeamService } from '../services/teamService.js';
import { UsageRecorder } from '../services/usageRecorder.js';
import { createStripe } from '../stripe/client.js';
import { withLedger } from './ledger.js';
import { print } from './print.js';

const HAVE_A_TEAM = ['created', 'linked', 'known'];

export const importCommand = (settings: () => Environment) =>
  new Command('import')
    .description('make the teams of an account of Stripe that has customers; may be repeated')
    .requiredOption('--from-stripe', 'from the customers of the account')
    .option('--dry-run', 'write nothing, and tell what would become of each customer')
    .option('--json', 'print JSON')
    .action(async ({ dryRun = false, json = false }: { dryRun?: boolean; json?: boolean }) => {
      const given = readSettings(settings(), [
        'STRIPE_SECRET_KEY',
        'STRIPE_API_BASE',
        'BILLING_TIME_ZONE',
        'RETENTION_MONTHS',
      ]);
      const stripe = createStripe(given.STRIPE_SECRET_KEY, given.STRIPE_API_BASE);
      const rows: Imported[] = [];
      await withLedger(settings, async (pool) => {
        const { BILLING_TIME_ZONE: zone, RETENTION_MONTHS: months } = given;
        const recorder = new UsageRecorder(pool, zone, []);
        const teams = new TeamService(pool, new BillingService(pool, zone, recorder, months));
        for await (const row of importTeams(pool, stripe, teams, { dryRun })) rows.push(row);
      });
      print(rows, json);
      if (rows.some(({ result }) => !HAVE_A_TEAM.includes(result))) process.exitCode = 1;
    });
