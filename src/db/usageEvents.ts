import type { Period } from '../domain/period.js';
import type { Queryable } from './pool.js';
import { type TeamUsage, type TeamUsageRow, teamStanding, withPlan } from './teamUsage.js';
import { receiptMonth } from './usagePartitions.js';

/** Who corrected usage by hand, and why (R13). */
export interface Correction {
  actor: string;
  reason: string;
}

export interface UsageEvent {
  teamId: string;
  idempotencyKey: string;
  /** Negative in a correction alone. */
  tokens: number;
  occurredAt: Date;
  /** `occurredAt` as the caller gave it; null when it is the time of receipt. */
  statedAt: Date | null;
  metadata: Record<string, string>;
  correction: Correction | null;
  /** The period that it occurred in, and the one whose bill it lands on (R12). */
  period: Period;
  billedIn: string;
  /** The calendar day in the billing time zone. */
  day: string;
}

/** What became of the events of a team and period that were inserted at once. */
export interface InsertedUsage extends TeamUsage {
  /** Those that are new, and in the total. */
  keys: string[];
}

/** Near the edge between two months of receipt an event may lie on either side of it. */
const EDGE_MS = 120_000;
/** Any number: it stands for commits at the edge of a month alone. */
const EDGE_LOCK = 7_469;

/**
 * Around the edge of a month commits go one after the other: two that repeat an event on both sides
 * of it would not see each other (R9).
 */
export async function holdEdge(db: Queryable, receivedAt: Date): Promise<void> {
  const { start, end } = receiptMonth(receivedAt);
  const isNear = [start, end].some(
    (edge) => Math.abs(edge.getTime() - receivedAt.getTime()) < EDGE_MS,
  );
  if (isNear) await db.query('select pg_advisory_xact_lock($1)', [EDGE_LOCK]);
}

/**
 * Inserts events of different keys, each once however often it comes (R9), and adds them to the
 * totals of their teams, periods and days. Events of teams that nobody knows are left out. Rows are
 * locked in one order, so that commits wait for each other and never in a circle.
 */
export async function insertUsageEvents(
  db: Queryable,
  events: readonly UsageEvent[],
  receivedAt: Date,
): Promise<InsertedUsage[]> {
  const month = receiptMonth(receivedAt);
  const periods = [...new Map(events.map(({ period }) => [period.id, period])).values()];
  const { rows } = await db.query<TeamUsageRow & { keys: string }>({
    // Planned once a connection: planning takes longer than most commits.
    name: 'insert-usage',
    text: INSERT,
    values: [
      ...columnsOf(events),
      events.map(({ occurredAt }) => occurredAt.toISOString()),
      events.map(({ billedIn }) => billedIn),
      events.map(({ day }) => day),
      receivedAt.toISOString(),
      month.start.toISOString(),
      month.end.toISOString(),
      periods.map(({ id }) => id),
      periods.map(({ start }) => start.toISOString()),
      periods.map(({ end }) => end.toISOString()),
    ],
  });
  return rows.map(({ keys, ...row }) => ({ ...withPlan(row), keys: keys.split('\n') }));
}

// Subqueries for a value stay what they are, a look into an index for each event, where `exists` may
// become a join that reads whole tables. Keys come as lines, for none holds a line break and an array
// takes twice the time to read.
const INSERT = `
  with event as (
    select * from unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::jsonb[],
        $6::jsonb[], $7::text[], $8::timestamptz[], $9::text[], $10::date[])
      as e (team_id, idempotency_key, tokens, stated_at, metadata, correction, period,
        occurred_at, billed_in, day)
  ), inserted as (
    insert into tagih.usage_events (team_id, idempotency_key, tokens, occurred_at, stated_at, metadata,
      correction, period, billed_in, received_at)
    select e.team_id, e.idempotency_key, e.tokens, e.occurred_at, e.stated_at, e.metadata,
           e.correction, e.period, e.billed_in, $11
      from event e
     where (select true from tagih.teams t where t.id = e.team_id)
       and (select true from tagih.usage_events o
             where o.team_id = e.team_id and o.idempotency_key = e.idempotency_key
               and (o.received_at < $12 or o.received_at >= $13) limit 1) is null
     order by e.team_id, e.idempotency_key
    on conflict do nothing
    returning team_id, idempotency_key, tokens, period, billed_in
  ), added as (
    select team_id, period, sum(tokens) as tokens, string_agg(idempotency_key, E'\\n') as keys
      from inserted group by 1, 2
  ), total as (
    insert into tagih.usage_totals as t (team_id, period, used_tokens)
    select team_id, period, tokens from added order by 1, 2
    on conflict (team_id, period) do update set used_tokens = t.used_tokens + excluded.used_tokens
    returning team_id, period, used_tokens
  ), by_day as (
    insert into tagih.usage_days as d (team_id, day, tokens)
    select i.team_id, e.day, sum(i.tokens) from inserted i join event e using (team_id, idempotency_key)
     group by 1, 2 order by 1, 2
    on conflict (team_id, day) do update set tokens = d.tokens + excluded.tokens
  ), late as (
    insert into tagih.usage_late as l (team_id, period, billed_in, tokens)
    select team_id, period, billed_in, sum(tokens) from inserted
     where billed_in <> period group by 1, 2, 3 order by 1, 2, 3
    on conflict (team_id, period, billed_in) do update set tokens = l.tokens + excluded.tokens
  )
  select total.team_id as "teamId", total.period, total.used_tokens as "usedTokens", added.keys,
         ${teamStanding}
    from total join added using (team_id, period) join tagih.teams t on t.id = total.team_id
    join unnest($14::text[], $15::timestamptz[], $16::timestamptz[]) as month (id, starts_at, ends_at)
      on month.id = total.period`;

export interface StoredEvent {
  occurredAt: Date;
  billedIn: string;
  /** Whether it says the same, in whatever spelling (R9). */
  same: boolean;
}

/** What holds the keys of these events already, where something does. */
export async function findUsageEvents(
  db: Queryable,
  events: readonly UsageEvent[],
): Promise<Map<UsageEvent, StoredEvent>> {
  if (events.length === 0) return new Map();
  const { rows } = await db.query<StoredEvent & { index: number }>(
    `select (e.n - 1)::int as index, o.occurred_at as "occurredAt", o.billed_in as "billedIn",
            o.tokens = e.tokens and o.stated_at is not distinct from e.stated_at
              and o.metadata = e.metadata and o.correction is not distinct from e.correction
              and (o.correction is null or o.period = e.period) as same
       from unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::jsonb[], $6::jsonb[],
              $7::text[]) with ordinality
         as e (team_id, idempotency_key, tokens, stated_at, metadata, correction, period, n)
       join tagih.usage_events o using (team_id, idempotency_key)`,
    columnsOf(events),
  );
  return new Map(
    rows.flatMap(({ index, ...stored }) => {
      const event = events[index];
      return event === undefined ? [] : [[event, stored] as const];
    }),
  );
}

/** What identifies events and is compared with a repetition, a column each. */
function columnsOf(events: readonly UsageEvent[]): unknown[][] {
  return [
    events.map(({ teamId }) => teamId),
    events.map(({ idempotencyKey }) => idempotencyKey),
    events.map(({ tokens }) => tokens),
    events.map(({ statedAt }) => statedAt?.toISOString() ?? null),
    events.map(({ metadata }) => JSON.stringify(metadata)),
    events.map(({ correction }) => correction && JSON.stringify(correction)),
    events.map(({ period }) => period.id),
  ];
}
