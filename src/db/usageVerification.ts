import type { Period } from '../domain/period.js';
import type { Queryable } from './pool.js';

/** Totals of a team and month that are not what its events add up to. */
export interface Mismatch {
  teamId: string;
  /** The month that the usage belongs to: the one that is closed, or an earlier one of which some came late. */
  period: string;
  inTotals: number;
  inEvents: number;
}

/**
 * Counts what a bill is made from, the totals, against the events that it stands for (R33): of the period
 * what was committed before its seal, of earlier ones what came late for this bill. Teams that have their
 * record already are left out: it can't change any more, and its events may be past retention. All is
 * read in one snapshot, so that usage may be recorded meanwhile.
 */
export async function findMismatches(
  db: Queryable,
  { id, start }: Period,
  limit: number,
): Promise<{ count: number; mismatches: Mismatch[] }> {
  const { rows } = await db.query<Mismatch & { count: number }>(
    `with event as (
       select team_id, period, sum(tokens)::bigint as tokens from tagih.usage_events
        where billed_in = $1 and received_at > $2 group by team_id, period
     ), total as (
       select u.team_id, u.period, (u.used_tokens - coalesce(later.tokens, 0))::bigint as tokens
         from tagih.usage_totals u left join (
           select team_id, sum(tokens) as tokens from tagih.usage_late
            where period = $1 group by team_id) later using (team_id)
        where u.period = $1
       union all
       select team_id, period, tokens from tagih.usage_late where billed_in = $1
     )
     select team_id as "teamId", period, coalesce(total.tokens, 0) as "inTotals",
            coalesce(event.tokens, 0) as "inEvents", count(*) over ()::int as count
       from event full join total using (team_id, period)
      where coalesce(total.tokens, 0) <> coalesce(event.tokens, 0) and not exists (
        select from tagih.usage_billings b where b.team_id = coalesce(event.team_id, total.team_id)
           and b.period = $1)
      order by team_id, period limit $3`,
    // Usage may say that it occurs in five minutes.
    [id, new Date(start.getTime() - 86_400_000), limit],
  );
  return {
    count: rows[0]?.count ?? 0,
    mismatches: rows.map(({ count: _, ...mismatch }) => mismatch),
  };
}
