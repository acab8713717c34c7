import type { Period } from '../domain/period.js';
import type { Queryable } from './pool.js';
import { type TeamUsage, type TeamUsageRow, teamStanding, withPlan } from './teamUsage.js';

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

/**
 * Writes events down whose keys are claimed, and adds them to the totals of their teams by period, day
 * and late bill (R12); the totals after that, one for each team and period. Each table's rows are locked
 * in one order, so that commits wait for each other and never in a circle.
 */
export async function insertUsageEvents(
  db: Queryable,
  events: readonly UsageEvent[],
  receivedAt: Date,
): Promise<TeamUsage[]> {
  const totals = sums(events, ({ teamId, period }) => [teamId, period.id]);
  const days = sums(events, ({ teamId, day }) => [teamId, day]);
  const late = sums(
    events.filter(({ period, billedIn }) => billedIn !== period.id),
    ({ teamId, period, billedIn }) => [teamId, period.id, billedIn],
  );
  const periods = [...new Map(events.map(({ period }) => [period.id, period])).values()];
  const { rows } = await db.query<TeamUsageRow>({
    // Planned once a connection: planning takes longer than most commits.
    name: 'insert-usage-events',
    text: INSERT,
    values: [
      events.map(({ teamId }) => teamId),
      events.map(({ idempotencyKey }) => idempotencyKey),
      events.map(({ tokens }) => tokens),
      events.map(({ occurredAt }) => occurredAt.toISOString()),
      events.map(({ statedAt }) => statedAt?.toISOString() ?? null),
      events.map(({ metadata }) => JSON.stringify(metadata)),
      events.map(({ correction }) => correction && JSON.stringify(correction)),
      events.map(({ period }) => period.id),
      events.map(({ billedIn }) => billedIn),
      receivedAt.toISOString(),
      ...columnsOf(totals, 2),
      ...columnsOf(days, 2),
      ...columnsOf(late, 3),
      periods.map(({ id }) => id),
      periods.map(({ start }) => start.toISOString()),
      periods.map(({ end }) => end.toISOString()),
    ],
  });
  return rows.map(withPlan);
}

// Everything is added up before it comes here: joins of what other parts of a statement return would be
// planned blindly, and badly.
const INSERT = `
  with event as (
    insert into tagih.usage_events (team_id, idempotency_key, tokens, occurred_at, stated_at, metadata,
      correction, period, billed_in, received_at)
    select *, $10::timestamptz from unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[],
      $5::timestamptz[], $6::jsonb[], $7::jsonb[], $8::text[], $9::text[])
  ), total as (
    insert into tagih.usage_totals as t (team_id, period, used_tokens)
    select * from unnest($11::text[], $12::text[], $13::bigint[]) as a order by 1, 2
    on conflict (team_id, period) do update set used_tokens = t.used_tokens + excluded.used_tokens
    returning team_id, period, used_tokens
  ), by_day as (
    insert into tagih.usage_days as d (team_id, day, tokens)
    select * from unnest($14::text[], $15::date[], $16::bigint[]) as a order by 1, 2
    on conflict (team_id, day) do update set tokens = d.tokens + excluded.tokens
  ), late as (
    insert into tagih.usage_late as l (team_id, period, billed_in, tokens)
    select * from unnest($17::text[], $18::text[], $19::text[], $20::bigint[]) as a order by 1, 2, 3
    on conflict (team_id, period, billed_in) do update set tokens = l.tokens + excluded.tokens
  )
  select total.team_id as "teamId", total.period, total.used_tokens as "usedTokens", ${teamStanding('month.starts_at', 'month.ends_at')}
    from total join tagih.teams t on t.id = total.team_id
    join unnest($21::text[], $22::timestamptz[], $23::timestamptz[]) as month (id, starts_at, ends_at)
      on month.id = total.period`;

interface Sum {
  names: readonly string[];
  tokens: number;
}

/** Tokens by what `of` names of each event. */
function sums(events: readonly UsageEvent[], of: (event: UsageEvent) => readonly string[]): Sum[] {
  const byName = new Map<string, Sum>();
  for (const event of events) {
    const names = of(event);
    const name = names.join(' ');
    const sum = byName.get(name);
    if (sum === undefined) byName.set(name, { names, tokens: event.tokens });
    else sum.tokens += event.tokens;
  }
  return [...byName.values()];
}

/** Sums of so many names as that many columns, and one of tokens. */
const columnsOf = (all: readonly Sum[], names: number): unknown[][] => [
  ...Array.from({ length: names }, (_, index) => all.map((sum) => sum.names[index])),
  all.map(({ tokens }) => tokens),
];
