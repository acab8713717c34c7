import { readFileSync } from 'node:fs';
import type { Scenario } from '../usage/scenarios.js';
import { speed, work } from '../usage/scenarios.js';
import { type Side, starter, tagih, WEBHOOK_SECRET } from '../usage/sides.js';
import type { Stage } from '../usage/stage.js';

/** Tagih, with Temporal away, and a webhook that only verifies and inserts: see naive/server.ts. */
export async function sidesOf(stage: Stage): Promise<Side[]> {
  const { url, ledger } = await stage.createDatabase('webhook', 'public');
  await ledger.query(readFileSync(new URL('naive/schema.sql', import.meta.url), 'utf8'));
  const script = 'bench/webhooks/naive/server.js';
  const env = { DATABASE_URL: url, SECRET: WEBHOOK_SECRET };
  const start = starter(stage, script, 'webhook', env);
  const ours = await tagih(stage);
  await ours.ledger.query(`update teams set stripe_customer_id = 'cus_' || id`);
  const both = { apiKey: WEBHOOK_SECRET, table: 'stripe_events' as const };
  return [
    { ...both, name: 'baseline', ledger, start },
    { ...ours, ...both },
  ];
}

/** How many events of Stripe a second are on disk and answered (R15). */
export const accept: Scenario = {
  name: 'accept',
  title: 'events of Stripe, 10,000 teams',
  sides: ['baseline', 'Tagih'],
  work: (pace) => work(pace, { kind: 'webhook' }),
  targets: [speed('baseline accept', 'accept', 'events accepted', 0.6)],
};
