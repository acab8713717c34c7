import type { Standing } from '../domain/access.js';
import type { Period } from '../domain/period.js';
import type { UsageEvent } from '../domain/usageEvent.js';
import { plainList, textList, texts } from './lists.js';
import type { Queryable } from './pool.js';
import { rounds } from './rounds.js';
import { type TeamUsage, teamStanding, withPlan } from './teamUsage.js';

/** Events that a total grows by, in their order. */
export interface Growth {
  teamId: string;
  period: Period;
  events: UsageEvent[];
}

/** What a total grows by on one of its days. */
export interface DayGrowth {
  growth: Growth;
  day: string;
  tokens: number;
}

/** Events by team and period, in the order in which commits lock totals. */
export function growthsOf(events: readonly UsageEvent[]): Growth[] {
  const growths = new Map<string, Growth>();
  for (const event of events) {
    const name = `${event.teamId} ${event.period.id}`;
    const growth = growths.get(name);
    if (growth !== undefined) growth.events.push(event);
    else growths.set(name, { teamId: event.teamId, period: event.period, events: [event] });
  }
  return [...growths].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, growth]) => growth);
}

/** The growths by day, each total once in a round. */
export const byDay = (growths: readonly Growth[]): DayGrowth[][] =>
  rounds(growths.flatMap(daysOf), ({ growth }) => growth);

function daysOf(growth: Growth): DayGrowth[] {
  const days = new Map<string, DayGrowth>();
  for (const { day, tokens } of growth.events) {
    const known = days.get(day);
    if (known !== undefined) known.tokens += tokens;
    else days.set(day, { growth, day, tokens });
  }
  return [...days.values()];
}

/** The seven parameters of `updateTotals`. */
export function growthColumns(days: readonly DayGrowth[]): unknown[] {
  const periods = [...new Set(days.map(({ growth }) => growth.period))];
  const numbers = new Map(periods.map((period, index) => [period, index + 1]));
  return [
    textList(days.map(({ growth }) => growth.teamId)),
    plainList(days.map(({ growth }) => numbers.get(growth.period) ?? null)),
    plainList(days.map(({ tokens }) => tokens)),
    plainList(days.map(({ day }) => Number(day.slice(8)))),
    plainList(periods.map(({ id }) => id)),
    plainList(periods.map(({ start }) => start.toISOString())),
    plainList(periods.map(({ end }) => end.toISOString())),
  ];
}

/** A total as it is after an update, by the number of its growth. */
export interface GrownRow extends Standing {
  n: number;
  usedTokens: number;
  plans: string | null;
}

/**
 * Adds `growthColumns`, the parameters from `$first` on, to the totals that there are; the rows that it
 * returns are `GrownRow`s. An upsert would lock each row in a step of its own.
 */
export const updateTotals = (first: number, condition = 'true') => `
  update tagih.usage_totals u
     set used_tokens = u.used_tokens + s.tokens,
         days[s.day] = coalesce(u.days[s.day], 0) + s.tokens
    from unnest(${texts(first)}, $${first + 1}::int[], $${first + 2}::bigint[], $${first + 3}::int[])
           with ordinality as s (team_id, period, tokens, day, n)
    join tagih.teams t on t.id = s.team_id
   where ${condition} and u.team_id = s.team_id and u.period = ($${first + 4}::text[])[s.period]
  returning s.n, u.used_tokens as "usedTokens",
    ${teamStanding(`($${first + 5}::timestamptz[])[s.period]`, `($${first + 6}::timestamptz[])[s.period]`)}`;

const UPDATE_TOTALS = updateTotals(1);

const OPEN_TOTALS = `
  insert into tagih.usage_totals (team_id, period, used_tokens)
  select s.team_id, ($3::text[])[s.period], 0 from unnest(${texts(1)}, $2::int[]) as s (team_id, period)
  on conflict do nothing`;

/** Adds to totals, which it opens where there are none yet. */
export async function addToTotals(
  db: Queryable,
  days: readonly DayGrowth[],
): Promise<Map<Growth, TeamUsage>> {
  if (days.length === 0) return new Map();
  const values = growthColumns(days);
  const [teams, numbers, , , periods] = values;
  const opening = [teams, numbers, periods];
  await db.query({ name: 'open-totals', text: OPEN_TOTALS, values: opening });
  const { rows } = await db.query<GrownRow>({ name: 'update-totals', text: UPDATE_TOTALS, values });
  return usageAfter(rows, days);
}

/** The usage that rows tell, by what led to it. */
export function usageAfter(
  rows: readonly GrownRow[],
  days: readonly DayGrowth[],
): Map<Growth, TeamUsage> {
  const usage = new Map<Growth, TeamUsage>();
  for (const { n, usedTokens, tier, status, strike, confirming, plans } of rows) {
    const growth = days[n - 1]?.growth;
    // Of a claim without any total there is a row, too.
    if (growth === undefined) continue;
    const { teamId, period } = growth;
    const row = { teamId, period: period.id, usedTokens, tier, status, strike, confirming, plans };
    usage.set(growth, withPlan(row));
  }
  return usage;
}
