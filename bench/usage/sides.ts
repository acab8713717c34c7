import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { migrate } from '../../src/db/migrate.js';
import { teamName } from './load/load.js';
import { nodeFlags, type Program, whenReady } from './programs.js';
import { freePort, type Stage } from './stage.js';
import type { EventTable } from './verify.js';

export const TEAMS = 10_000;

/** Signs events of Stripe. */
export const WEBHOOK_SECRET = 'whsec_bench';

/** 3 of 10 on Free, 1 on Enterprise, the rest on Pro; the first, which is the hot one, on Pro. */
const plans = ['pro', 'pro', 'pro', 'pro', 'pro', 'pro', 'enterprise', 'free', 'free', 'free'];

/** One of the two that are compared: a server program with a database of its own. */
export interface Side {
  name: 'baseline' | 'Tagih';
  apiKey: string;
  /** To look at what is on disk. Tables have the same names on both sides. */
  ledger: pg.Pool;
  /** What a load adds rows to. */
  table: EventTable;
  start(options?: ServerOptions): Promise<Server>;
}

export interface ServerOptions {
  env?: Record<string, string>;
  nodeFlags?: readonly string[];
}

export type Server = Program & { url: string };

/** The naive server: see naive/server.ts. */
export async function baseline(stage: Stage): Promise<Side> {
  const { url, ledger } = await stage.createDatabase('baseline', 'public');
  await ledger.query(readFileSync(new URL('naive/schema.sql', import.meta.url), 'utf8'));
  await ledger.query(
    `insert into teams (id, name, admin_email, plan)
     select id, id, id || '@team.example', plan from unnest($1::text[], $2::text[]) as t (id, plan)`,
    seed(),
  );
  const apiKey = randomKey();
  await ledger.query('insert into api_keys (key_hash) values ($1)', [
    createHash('sha256').update(apiKey).digest('hex'),
  ]);
  const start = starter(stage, 'bench/usage/naive/server.js', 'baseline', { DATABASE_URL: url });
  return { name: 'baseline', apiKey, ledger, table: 'usage_events', start };
}

/** Tagih as production runs it. Temporal is away: usage is served without it. */
export async function tagih(stage: Stage): Promise<Side> {
  const { url, ledger } = await stage.createDatabase('tagih', 'tagih');
  await migrate(url);
  await ledger.query(
    `with seed as (select * from unnest($1::text[], $2::text[]) as t (id, plan)),
     made as (
       insert into teams (id, name, admin_email, tier, subscription_status)
       select id, id, id || '@team.example', plan, case plan when 'free' then 'none' else 'active' end
         from seed)
     insert into plan_periods (team_id, subscription_id, plan, starts_at)
     select id, 'sub_' || id, plan, '2020-01-01Z' from seed where plan <> 'free'`,
    seed(),
  );
  // A key as services have one, which is looked up, and not the one for bootstrapping.
  const apiKey = randomKey();
  await ledger.query(
    `insert into api_keys (id, name, key_hash, scopes)
     values ('key_bench', 'bench', $1, '{usage:write,teams:read}')`,
    [createHash('sha256').update(apiKey).digest()],
  );
  const start = starter(stage, 'src/server.js', 'tagih', {
    DATABASE_URL: url,
    LOG_LEVEL: 'warn',
    // A port that nothing can listen on.
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    STRIPE_SECRET_KEY: 'sk_test_bench',
    STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
    NEXT_PUBLIC_STRIPE_PRO_PRICE_ID: 'price_pro',
    NEXT_PUBLIC_STRIPE_ENTERPRISE_PRICE_ID: 'price_enterprise',
    POSTMARK_SERVER_TOKEN: 'bench',
    EMAIL_FROM: 'billing@tagih.example',
    LINK_SECRET: randomKey(),
  });
  return { name: 'Tagih', apiKey, ledger, table: 'usage_events', start };
}

/** What starts a server program on a port of its own, as the Docker image starts the product's. */
export function starter(stage: Stage, script: string, name: string, env: Record<string, string>) {
  return async (options: ServerOptions = {}): Promise<Server> => {
    const port = await freePort();
    const program = stage.run({
      script,
      name,
      nodeFlags: [...nodeFlags.server, ...(options.nodeFlags ?? [])],
      env: { ...env, PORT: String(port), ...options.env },
    });
    await whenReady(program);
    return { ...program, url: `http://127.0.0.1:${port}` };
  };
}

function seed(): [ids: string[], plans: string[]] {
  const indexes = Array.from({ length: TEAMS }, (_, index) => index);
  return [indexes.map(teamName), indexes.map((index) => plans[index % plans.length] ?? 'free')];
}

const randomKey = () => randomBytes(32).toString('base64url');
