import type { UsageEvent } from '../domain/usageEvent.js';
import { plainList, textList, texts } from './lists.js';
import type { Queryable } from './pool.js';
import type { TeamUsage } from './teamUsage.js';
import { DIGEST, statedCorrection } from './usageKeys.js';
import { receiptMonth } from './usagePartitions.js';
import {
  addToTotals,
  byDay,
  type DayGrowth,
  type GrownRow,
  type Growth,
  growthColumns,
  growthsOf,
  updateTotals,
  usageAfter,
} from './usageTotals.js';

/** New events of a team and period, and the team's usage after them. */
export interface AddedUsage {
  events: readonly UsageEvent[];
  usage: TeamUsage;
}

/**
 * Writes down those events, of keys that differ, whose key nobody has used yet (R9), and adds them to
 * the totals of their teams by period, day and late bill (R12). Events of teams that nobody knows are
 * left out. Each table's rows are written in one order, so that commits wait for each other and never in
 * a circle.
 */
export async function insertUsageEvents(
  db: Queryable,
  events: readonly UsageEvent[],
  receivedAt: Date,
): Promise<AddedUsage[]> {
  const sorted = events.toSorted(byKey);
  const growths = growthsOf(events);
  const [first = [], ...more] = byDay(growths);
  const { rows } = await db.query<GrownRow & { claimed: string | null }>({
    // Planned once a connection: planning takes longer than most commits.
    name: 'claim-and-insert-usage',
    text: CLAIM_AND_INSERT,
    values: [
      ...eventColumns(sorted, receivedAt),
      textList(sorted.map(statedCorrection)),
      receiptMonth(receivedAt).start.toISOString().slice(0, 10),
      sorted.length,
      ...growthColumns(first),
    ],
  });
  const claimed = rows[0]?.claimed ?? null;
  if (claimed === null) {
    const usage = usageAfter(rows, first);
    const unopened = first.filter(({ growth }) => !usage.has(growth));
    return addRest(db, growths, [unopened, ...more], usage);
  }
  const keys = new Set(claimed.split('\n'));
  const isNew = (event: UsageEvent) => keys.has(`${event.teamId} ${event.idempotencyKey}`);
  const fresh = sorted.filter(isNew);
  if (fresh.length === 0) return [];
  await db.query({ name: 'insert-usage', text: INSERT, values: eventColumns(fresh, receivedAt) });
  const freshGrowths = growthsOf(events.filter(isNew));
  return addRest(db, freshGrowths, byDay(freshGrowths), new Map());
}

/** Adds what is not in the totals yet, and to the late bills. */
async function addRest(
  db: Queryable,
  growths: readonly Growth[],
  days: readonly (readonly DayGrowth[])[],
  usageOf: Map<Growth, TeamUsage>,
): Promise<AddedUsage[]> {
  for (const list of days) {
    for (const [growth, usage] of await addToTotals(db, list)) usageOf.set(growth, usage);
  }
  await addLate(db, growths);
  return growths.map((growth) => {
    const usage = usageOf.get(growth);
    if (usage === undefined) throw new Error(`${growth.teamId} was there a moment ago`);
    return { events: growth.events, usage };
  });
}

/** Of what a sealed period gains, how much lands on which later bill (R12). */
async function addLate(db: Queryable, growths: readonly Growth[]): Promise<void> {
  const late = growths.flatMap(({ teamId, period, events }) => {
    const [billedIn = period.id] = events.map((event) => event.billedIn);
    const tokens = events.reduce((sum, event) => sum + event.tokens, 0);
    // A commit bills all late events of a period alike.
    return billedIn === period.id ? [] : [{ teamId, period: period.id, billedIn, tokens }];
  });
  if (late.length === 0) return;
  await db.query(
    `insert into tagih.usage_late as l (team_id, period, billed_in, tokens)
     select * from unnest(${texts(1)}, $2::text[], $3::text[], $4::bigint[])
     on conflict (team_id, period, billed_in) do update set tokens = l.tokens + excluded.tokens`,
    [
      textList(late.map(({ teamId }) => teamId)),
      plainList(late.map(({ period }) => period)),
      plainList(late.map(({ billedIn }) => billedIn)),
      plainList(late.map(({ tokens }) => tokens)),
    ],
  );
}

/** The order in which commits claim keys. */
function byKey(a: UsageEvent, b: UsageEvent): number {
  if (a.teamId !== b.teamId) return a.teamId < b.teamId ? -1 : 1;
  return a.idempotencyKey < b.idempotencyKey ? -1 : 1;
}

/** The ten parameters of `inserted`. */
const eventColumns = (events: readonly UsageEvent[], receivedAt: Date): unknown[] => [
  textList(events.map(({ teamId }) => teamId)),
  textList(events.map(({ idempotencyKey }) => idempotencyKey)),
  plainList(events.map(({ tokens }) => tokens)),
  plainList(events.map(({ occurredAt }) => occurredAt.toISOString())),
  plainList(events.map(({ statedAt }) => statedAt?.toISOString() ?? null)),
  textList(events.map(({ metadata }) => JSON.stringify(metadata))),
  textList(events.map(({ correction }) => correction && JSON.stringify(correction))),
  plainList(events.map(({ period }) => period.id)),
  plainList(events.map(({ billedIn }) => billedIn)),
  receivedAt.toISOString(),
];

const inserted = (condition: string) => `
  insert into tagih.usage_events (team_id, idempotency_key, tokens, occurred_at, stated_at, metadata,
    correction, period, billed_in, received_at)
  select *, $10::timestamptz from unnest(${texts(1)}, ${texts(2)}, $3::bigint[], $4::timestamptz[],
    $5::timestamptz[], ${texts(6)}::jsonb[], ${texts(7)}::jsonb[], $8::text[], $9::text[])
   where ${condition}`;

const INSERT = inserted('true');

// Nearly always all keys are new, and the rest follows at once: a second statement would be another way to
// Postgres and back for each commit. The subquery for a value stays a look into an index for each event,
// where `exists` may become a join that reads all teams. No part is joined to what another one returns: such
// joins are planned blindly, and badly.
const CLAIM_AND_INSERT = `
  with claimed as (
    insert into tagih.usage_keys
      (team_id, idempotency_key, digest, occurred_at, billed_in, received_in)
    select e.team_id, e.idempotency_key, ${DIGEST}, e.occurred_at, e.billed_in, $12
      from unnest(${texts(1)}, ${texts(2)}, $3::bigint[], $4::timestamptz[], $5::timestamptz[],
             ${texts(6)}::jsonb[], ${texts(11)}::jsonb[], $9::text[])
        as e (team_id, idempotency_key, tokens, occurred_at, stated_at, metadata, correction, billed_in)
     where (select true from tagih.teams t where t.id = e.team_id)
    on conflict do nothing
    returning team_id, idempotency_key
  ), claim as (
    select count(*) = $13 as all_new,
           case when count(*) < $13
             then coalesce(string_agg(team_id || ' ' || idempotency_key, E'\\n'), '') end as claimed
      from claimed
  ), event as (${inserted('(select all_new from claim)')}
  ), total as (${updateTotals(14, '(select all_new from claim)')}
  )
  select claim.claimed, total.* from claim left join total on true`;
