import type { Standing } from '../domain/access.js';
import type { Period } from '../domain/period.js';
import { highestPlan, type PlanId } from '../domain/plans.js';
import { heldBetween } from './planPeriods.js';
import type { Queryable } from './pool.js';

/** What a team used in a period, and what decides what it costs and what the team may do. */
export interface TeamUsage extends Standing {
  teamId: string;
  period: string;
  usedTokens: number;
  /** The highest plan that it held at any moment of the period (R4, R37). */
  plan: PlanId;
}

/** A row with the columns of `teamStanding`. */
export type TeamUsageRow = Omit<TeamUsage, 'plan'> & { plans: string | null };

/** Columns of a `TeamUsageRow` of a team `t`; its plans from `start` to `end` as words, quicker read than a list. */
export const teamStanding = (start: string, end: string) => `
  t.tier, t.subscription_status as status, t.strike, t.confirming,
  (select string_agg(p.plan, ' ') from tagih.plan_periods p
    where p.team_id = t.id and ${heldBetween(start, end)}) as plans`;

/** With the one of its plans that counts. */
export function withPlan({ plans, ...row }: TeamUsageRow): TeamUsage {
  return { ...row, plan: highestPlan((plans?.split(' ') ?? []) as PlanId[]) };
}

/** The usage of a team in a period; undefined where nobody knows the team. */
export async function findTeamUsage(
  db: Queryable,
  teamId: string,
  { id, start, end }: Period,
): Promise<TeamUsage | undefined> {
  const { rows } = await db.query<TeamUsageRow>({
    // Asked as often as usage is told: planned once a connection.
    name: 'find-team-usage',
    text: `select t.id as "teamId", $2 as period, coalesce(u.used_tokens, 0) as "usedTokens",
                  ${teamStanding('$3::timestamptz', '$4::timestamptz')}
             from tagih.teams t
             left join tagih.usage_totals u on u.team_id = t.id and u.period = $2
            where t.id = $1`,
    values: [teamId, id, start.toISOString(), end.toISOString()],
  });
  return rows[0] && withPlan(rows[0]);
}

/** The same of many teams and periods; of teams that nobody knows there is none. */
export async function readTeamUsage(
  db: Queryable,
  asked: readonly { teamId: string; period: Period }[],
): Promise<TeamUsage[]> {
  if (asked.length === 0) return [];
  const { rows } = await db.query<TeamUsageRow>(
    `select t.id as "teamId", month.id as period, coalesce(u.used_tokens, 0) as "usedTokens",
            ${teamStanding('month.starts_at', 'month.ends_at')}
       from unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[])
              as month (team_id, id, starts_at, ends_at)
       join tagih.teams t on t.id = month.team_id
       left join tagih.usage_totals u on u.team_id = t.id and u.period = month.id`,
    [
      asked.map(({ teamId }) => teamId),
      asked.map(({ period }) => period.id),
      asked.map(({ period }) => period.start.toISOString()),
      asked.map(({ period }) => period.end.toISOString()),
    ],
  );
  return rows.map(withPlan);
}
