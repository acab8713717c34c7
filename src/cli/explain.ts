import { Command } from 'commander';
import { explainedBody } from '../app/api/v1/teams/usage-billings/explanation.js';
import { type Environment, readSettings } from '../config.js';
import { explain } from '../services/explanation.js';
import { withLedger } from './ledger.js';

export const explainCommand = (settings: () => Environment) =>
  new Command('explain')
    .argument('<team>', 'the id of the team')
    .argument('<period>', 'a month that is closed, YYYY-MM')
    .description(
      "compute a team's record again, from its stored inputs and its events, and show each step; fails where a figure is another one",
    )
    .option('--json', 'print JSON')
    .action(async (teamId: string, period: string, { json }: { json?: boolean }) => {
      const { BILLING_TIME_ZONE: zone } = readSettings(settings(), ['BILLING_TIME_ZONE']);
      const explained = await withLedger(settings, (pool) => explain(pool, zone, teamId, period));
      if (explained === undefined) throw new Error(`${teamId} has no record of ${period}.`);
      const body = explainedBody(explained);
      const lines = body.explanation.steps.map(({ text }, index) => `${index + 1}. ${text}`);
      process.stdout.write(json ? `${JSON.stringify(body, null, 2)}\n` : `${lines.join('\n')}\n`);
    });
