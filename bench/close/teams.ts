import type pg from 'pg';
import { transaction } from '../../src/db/pool.js';
import { makeUsagePartitions } from '../../src/db/usagePartitions.js';
import type { Period } from '../../src/domain/period.js';
import { newTeam } from '../../src/domain/team.js';

const HOUR_MS = 3_600_000;

/** Of each team in the month, one every twelve hours. */
export const EVENTS = 50;

/**
 * The first $1 teams as a table, with the tokens of their first event. Of ten, three on Pro are above
 * their limit, three on Pro and one on Enterprise below it, and three are on Free.
 */
const teams = `(
  select n, 'team-' || lpad(n::text, 8, '0') as id, 'cus_bench_' || n as customer,
         'sub_bench_' || n as subscription,
         case when n % 10 < 6 then 'pro' when n % 10 = 6 then 'enterprise' else 'free' end as plan,
         n % 7 + case when n % 10 < 3 then 1100 when n % 10 < 6 then 500
                      when n % 10 = 6 then 2000 else 5 end as tokens
    from generate_series(0, $1::int - 1) n) team`;

/** The number of the customer, and of the subscription, of each of the first teams that is above its limit. */
export function teamsAbove(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n).filter((n) => n % 10 < 3);
}

/** Tagih's ledger at the end of a month in which so many teams had 50 events each. */
export async function fillLedger(ledger: pg.Pool, count: number, month: Period): Promise<void> {
  const { id: period, start, end } = month;
  await transaction(ledger, (db) => makeUsagePartitions(db, start));
  const active = { status: 'active', endedAt: null, cancelAt: null, pendingPlan: null };
  await ledger.query(
    `insert into teams (id, name, admin_email, tier, subscription_status, stripe_customer_id, state,
         created_at)
       select id, id, id || '@team.example', plan, case plan when 'free' then 'none' else 'active' end,
              customer, $2::jsonb || jsonb_build_object('teamId', id, 'customerId', customer,
                'tier', plan, 'subscription', case when plan <> 'free' then
                  $3::jsonb || jsonb_build_object('id', subscription, 'customerId', customer,
                    'plan', plan, 'priceId', 'price_sandbox_' || plan, 'startedAt', $4::timestamptz,
                    'currentPeriodEnd', $5::timestamptz) end), $4
         from ${teams}`,
    [count, newTeam('', null), active, start, end],
  );
  await ledger.query(
    `insert into plan_periods (team_id, subscription_id, plan, starts_at, noted_at)
     select id, subscription, plan, $2, $2 from ${teams} where plan <> 'free'`,
    [count, start],
  );
  // As usage comes: one team's events lie far from each other.
  for (const { number, at } of eventsOf(month)) {
    await ledger.query(
      `insert into usage_events (team_id, idempotency_key, tokens, occurred_at, metadata, period,
         billed_in, received_at)
       select id, 'event-' || $2::int, tokens + $2::int % 5, $3, '{"model": "large"}', $4, $4, $3
         from ${teams}`,
      [count, number, at, period],
    );
  }
  await ledger.query(
    `insert into usage_totals (team_id, period, used_tokens)
     select team_id, period, sum(tokens) from usage_events group by team_id, period`,
  );
  await ledger.query('vacuum (analyze)');
}

/** The same month in the ledger of the naive close. */
export async function fillNaive(ledger: pg.Pool, count: number, month: Period): Promise<void> {
  await ledger.query(
    `insert into teams select id, id, id || '@team.example', plan, customer, subscription from ${teams}`,
    [count],
  );
  for (const { number, at } of eventsOf(month)) {
    await ledger.query(
      `insert into usage_events
       select id, 'event-' || $2::int, tokens + $2::int % 5, $3, '{"model": "large"}', $4, $3
         from ${teams}`,
      [count, number, at, month.id],
    );
  }
  // Faster than while it is filled, and the same.
  await ledger.query('alter table usage_events add primary key (team_id, idempotency_key)');
  await ledger.query('vacuum (analyze)');
}

function eventsOf({ start }: Period): { number: number; at: Date }[] {
  return Array.from({ length: EVENTS }, (_, number) => ({
    number,
    at: new Date(start.getTime() + (number + 1) * 12 * HOUR_MS),
  }));
}
