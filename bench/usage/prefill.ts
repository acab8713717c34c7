import type pg from 'pg';
import { periodAt, previousPeriod } from '../../src/domain/period.js';
import { TEAMS } from './sides.js';

const ZONE = 'Asia/Jakarta';
const DAY_MS = 86_400_000;

/**
 * Adds `events` to Tagih's ledger by SQL, of all teams and of one token each, half of them in the
 * month before this one, with their totals and days.
 */
export async function prefill(ledger: pg.Pool, events: number, now: Date): Promise<void> {
  const open = periodAt(now, ZONE);
  for (const period of [previousPeriod(open, ZONE), open]) {
    // The second day of the month is in it in every time zone.
    const at = new Date(period.start.getTime() + DAY_MS);
    await addEvents(ledger, events / 2 / TEAMS, period.id, at);
  }
  await ledger.query('vacuum (analyze) usage_events, usage_totals, usage_days');
}

async function addEvents(ledger: pg.Pool, perTeam: number, period: string, at: Date) {
  const client = await ledger.connect();
  try {
    // Foreign keys are checked by triggers, a row at a time, which a replica leaves out.
    await client.query("set timezone = 'UTC'; set session_replication_role = replica");
    await client.query(
      `insert into usage_events (team_id, idempotency_key, tokens, occurred_at, metadata, period,
         billed_in, received_at)
       select teams.id, gen_random_uuid(), 1, $3, '{}', $2, $2, $3
         from (select id from teams order by id) teams, generate_series(1, $1)`,
      [perTeam, period, at],
    );
    await client.query(
      `insert into usage_totals as t (team_id, period, used_tokens)
       select id, $2, $1 from teams
       on conflict (team_id, period) do update
          set used_tokens = t.used_tokens + excluded.used_tokens`,
      [perTeam, period],
    );
    await client.query(
      `insert into usage_days as d (team_id, day, tokens) select id, $2, $1 from teams
       on conflict (team_id, day) do update set tokens = d.tokens + excluded.tokens`,
      [perTeam, at],
    );
  } finally {
    client.release(true);
  }
}
