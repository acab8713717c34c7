import type { PlanId } from '../domain/plans.js';
import type { Queryable } from './pool.js';

export interface UsageEvent {
  teamId: string;
  idempotencyKey: string;
  tokens: number;
  occurredAt: Date;
  /** `occurredAt` as the caller gave it; null when it is the time of receipt. */
  statedAt: Date | null;
  metadata: Record<string, string>;
  /** The period that it occurred in, and the one whose bill it lands on (R12). */
  period: string;
  billedIn: string;
  /** The calendar day in the billing time zone. */
  day: string;
  receivedAt: Date;
}

/** Whether the event is new. A key that the team has used already leaves everything as it was (R9). */
export async function insertUsageEvent(db: Queryable, event: UsageEvent): Promise<boolean> {
  const { rowCount } = await db.query(
    `insert into tagih.usage_events (team_id, idempotency_key, tokens, occurred_at, stated_at,
       metadata, period, billed_in, received_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict do nothing`,
    [
      event.teamId,
      event.idempotencyKey,
      event.tokens,
      event.occurredAt,
      event.statedAt,
      event.metadata,
      event.period,
      event.billedIn,
      event.receivedAt,
    ],
  );
  return rowCount === 1;
}

/** The event that holds this key, and whether it says the same as `event`. */
export async function findUsageEvent(
  db: Queryable,
  event: UsageEvent,
): Promise<{ occurredAt: Date; billedIn: string; same: boolean } | undefined> {
  const { rows } = await db.query<{ occurredAt: Date; billedIn: string; same: boolean }>(
    `select occurred_at as "occurredAt", billed_in as "billedIn",
            tokens = $3 and stated_at is not distinct from $4 and metadata = $5 as same
       from tagih.usage_events where team_id = $1 and idempotency_key = $2`,
    [event.teamId, event.idempotencyKey, event.tokens, event.statedAt, event.metadata],
  );
  return rows[0];
}

/** Adds an event to its team's totals; the total of its period after that. */
export async function addToTotals(db: Queryable, event: UsageEvent): Promise<number> {
  const { rows } = await db.query<{ used: number }>(
    `with day as (
       insert into tagih.usage_days as d (team_id, day, tokens) values ($1, $3, $4)
       on conflict (team_id, day) do update set tokens = d.tokens + excluded.tokens
     ), late as (
       insert into tagih.usage_late as l (team_id, period, billed_in, tokens)
       select $1, $2, $5, $4 where $5 <> $2
       on conflict (team_id, period, billed_in) do update set tokens = l.tokens + excluded.tokens
     )
     insert into tagih.usage_totals as t (team_id, period, used_tokens) values ($1, $2, $4)
     on conflict (team_id, period) do update set used_tokens = t.used_tokens + excluded.used_tokens
     returning used_tokens as used`,
    [event.teamId, event.period, event.day, event.tokens, event.billedIn],
  );
  return rows[0]?.used ?? 0;
}

export async function usedTokens(db: Queryable, teamId: string, period: string): Promise<number> {
  const { rows } = await db.query<{ used: number }>(
    'select used_tokens as used from tagih.usage_totals where team_id = $1 and period = $2',
    [teamId, period],
  );
  return rows[0]?.used ?? 0;
}

/** The plans that the team held at any moment from `start` up to, not including, `end` (R4, R37). */
export async function plansHeld(
  db: Queryable,
  teamId: string,
  { start, end }: { start: Date; end: Date },
): Promise<PlanId[]> {
  const { rows } = await db.query<{ plan: PlanId }>(
    `select distinct plan from tagih.plan_periods
      where team_id = $1 and starts_at < $3 and (ends_at is null or ends_at > $2)`,
    [teamId, start, end],
  );
  return rows.map(({ plan }) => plan);
}

/** Days with usage, in order, from `first` up to, not including, `end`; `YYYY-MM-DD`. */
export async function usageByDay(
  db: Queryable,
  teamId: string,
  first: string,
  end: string,
): Promise<{ day: string; tokens: number }[]> {
  const { rows } = await db.query<{ day: string; tokens: number }>(
    `select to_char(day, 'YYYY-MM-DD') as day, tokens from tagih.usage_days
      where team_id = $1 and day >= $2 and day < $3 order by usage_days.day`,
    [teamId, first, end],
  );
  return rows;
}
