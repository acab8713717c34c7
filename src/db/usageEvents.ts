import type { UsageEvent } from '../domain/usageEvent.js';
import type { Queryable } from './pool.js';
import { type TeamUsage, type TeamUsageRow, teamStanding, withPlan } from './teamUsage.js';
import { DIGEST, statedCorrection } from './usageKeys.js';
import { receiptMonth } from './usagePartitions.js';

/** Those events of a commit that are new, and the totals of their teams and periods after it. */
export interface InsertedUsage {
  added: readonly UsageEvent[];
  totals: TeamUsage[];
}

/**
 * Writes down those events, of keys that differ, whose key nobody has used yet (R9), and adds them to
 * the totals of their teams by period, day and late bill (R12). Events of teams that nobody knows are
 * left out. Each table's rows are locked in one order, so that commits wait for each other and never in
 * a circle.
 */
export async function insertUsageEvents(
  db: Queryable,
  events: readonly UsageEvent[],
  receivedAt: Date,
): Promise<InsertedUsage> {
  const { rows } = await db.query<TeamUsageRow & Claim>({
    // Planned once a connection: planning takes longer than most commits.
    name: 'claim-and-insert-usage',
    text: CLAIM_AND_INSERT,
    values: [
      ...valuesOf(events, receivedAt),
      events.map(statedCorrection),
      receiptMonth(receivedAt).start.toISOString().slice(0, 10),
      events.length,
    ],
  });
  const [claim] = rows;
  if (claim?.allNew) return { added: events, totals: rows.map(totalOf) };
  const claimed = new Set(claim?.claimed?.split('\n'));
  const added = events.filter((event) => claimed.has(`${event.teamId} ${event.idempotencyKey}`));
  if (added.length === 0) return { added, totals: [] };
  const values = valuesOf(added, receivedAt);
  const inserted = await db.query<TeamUsageRow>({ name: 'insert-usage', text: INSERT, values });
  return { added, totals: inserted.rows.map(withPlan) };
}

/** Which keys were new: all of them, or those that `claimed` has in lines of team and key. */
interface Claim {
  allNew: boolean;
  claimed: string | null;
}

const totalOf = ({ allNew: _, claimed: __, ...row }: TeamUsageRow & Claim) => withPlan(row);

/** The parameters of `inserts` and `TOTALS`. */
function valuesOf(events: readonly UsageEvent[], receivedAt: Date): unknown[] {
  const totals = sums(events, ({ teamId, period }) => [teamId, period.id]);
  const days = sums(events, ({ teamId, day }) => [teamId, day]);
  const late = sums(
    events.filter(({ period, billedIn }) => billedIn !== period.id),
    ({ teamId, period, billedIn }) => [teamId, period.id, billedIn],
  );
  const periods = [...new Map(events.map(({ period }) => [period.id, period])).values()];
  return [
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
  ];
}

// Everything is added up before it comes here: joins of what other parts of a statement return would be
// planned blindly, and badly.
const inserts = (condition: string) => `
  event as (
    insert into tagih.usage_events (team_id, idempotency_key, tokens, occurred_at, stated_at, metadata,
      correction, period, billed_in, received_at)
    select *, $10::timestamptz from unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[],
      $5::timestamptz[], $6::jsonb[], $7::jsonb[], $8::text[], $9::text[]) ${condition}
  ), total as (
    insert into tagih.usage_totals as t (team_id, period, used_tokens)
    select * from unnest($11::text[], $12::text[], $13::bigint[]) ${condition} order by 1, 2
    on conflict (team_id, period) do update set used_tokens = t.used_tokens + excluded.used_tokens
    returning team_id, period, used_tokens
  ), by_day as (
    insert into tagih.usage_days as d (team_id, day, tokens)
    select * from unnest($14::text[], $15::date[], $16::bigint[]) ${condition} order by 1, 2
    on conflict (team_id, day) do update set tokens = d.tokens + excluded.tokens
  ), late as (
    insert into tagih.usage_late as l (team_id, period, billed_in, tokens)
    select * from unnest($17::text[], $18::text[], $19::text[], $20::bigint[]) ${condition}
     order by 1, 2, 3
    on conflict (team_id, period, billed_in) do update set tokens = l.tokens + excluded.tokens
  )`;

const TOTALS = `
  select total.team_id as "teamId", total.period, total.used_tokens as "usedTokens",
         ${teamStanding('month.starts_at', 'month.ends_at')}
    from total join tagih.teams t on t.id = total.team_id
    join unnest($21::text[], $22::timestamptz[], $23::timestamptz[]) as month (id, starts_at, ends_at)
      on month.id = total.period`;

const INSERT = `with ${inserts('')} ${TOTALS}`;

// Nearly always all keys are new, and the rest follows at once: a second statement would be another way to
// Postgres and back for each commit. The subquery for a value stays a look into an index for each event,
// where `exists` may become a join that reads all teams.
const CLAIM_AND_INSERT = `
  with claimed as (
    insert into tagih.usage_keys
      (team_id, idempotency_key, digest, occurred_at, billed_in, received_in)
    select e.team_id, e.idempotency_key, ${DIGEST}, e.occurred_at, e.billed_in, $25
      from unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::timestamptz[],
             $6::jsonb[], $24::jsonb[], $9::text[])
        as e (team_id, idempotency_key, tokens, occurred_at, stated_at, metadata, correction, billed_in)
     where (select true from tagih.teams t where t.id = e.team_id)
     order by 1, 2
    on conflict do nothing
    returning team_id, idempotency_key
  ), claim as (
    select count(*) = $26 as "allNew",
           case when count(*) < $26 then string_agg(team_id || ' ' || idempotency_key, E'\\n') end as claimed
      from claimed
  ), ${inserts('where (select "allNew" from claim)')}
  select claim.*, totals.* from claim left join (${TOTALS}) totals on true`;

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
