import type pg from 'pg';
import { transaction } from '../../src/db/pool.js';
import { makeUsagePartitions } from '../../src/db/usagePartitions.js';
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
    await transaction(ledger, (db) => makeUsagePartitions(db, at));
    await addEvents(ledger, events / 2 / TEAMS, period.id, at);
  }
  await ledger.query('vacuum (analyze) usage_events, usage_keys, usage_totals');
}

async function addEvents(ledger: pg.Pool, perTeam: number, period: string, at: Date) {
  const client = await ledger.connect();
  try {
    await client.query("set timezone = 'UTC'");
    await client.query(
      `with event as (
         insert into usage_events (team_id, idempotency_key, tokens, occurred_at, metadata, period,
           billed_in, received_at)
         select teams.id, gen_random_uuid(), 1, $3, '{}', $2, $2, $3
           from (select id from teams order by id) teams, generate_series(1, $1)
         returning team_id, idempotency_key)
       insert into usage_keys (team_id, idempotency_key, digest, occurred_at, billed_in, received_in)
       select team_id, idempotency_key, 0, $3, $2, date_trunc('month', $3::timestamptz) from event`,
      [perTeam, period, at],
    );
    await client.query(
      `insert into usage_totals as t (team_id, period, used_tokens, days)
       select id, $2, $1, array_fill($1::bigint, array[1], array[$3::int]) from teams
       on conflict (team_id, period) do update
          set used_tokens = t.used_tokens + excluded.used_tokens,
              days[$3] = coalesce(t.days[$3], 0) + $1`,
      [perTeam, period, at.getUTCDate()],
    );
  } finally {
    client.release(true);
  }
}
