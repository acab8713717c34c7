import type { PlanPeriod } from '../domain/team.js';
import type { Queryable } from './pool.js';

/**
 * Writes a plan period as it is now; one that has ended gets its end (R37), and one whose start was
 * `movedFrom` another is in its place. Nothing new leaves it as it is.
 */
export async function putPlanPeriod(
  db: Queryable,
  teamId: string,
  { subscriptionId, plan, startsAt, endsAt }: PlanPeriod,
  movedFrom?: string,
): Promise<void> {
  if (movedFrom !== undefined) {
    await db.query(
      `delete from tagih.plan_periods
        where team_id = $1 and subscription_id = $2 and starts_at = $3 and plan = $4`,
      [teamId, subscriptionId, movedFrom, plan],
    );
  }
  await db.query(
    `insert into tagih.plan_periods (team_id, subscription_id, plan, starts_at, ends_at)
     values ($1, $2, $3, $4, $5)
     on conflict (team_id, subscription_id, starts_at, plan)
     do update set ends_at = excluded.ends_at, noted_at = excluded.noted_at
      where plan_periods.ends_at is distinct from excluded.ends_at`,
    [teamId, subscriptionId, plan, startsAt, endsAt],
  );
}

/** The condition that plan period `p` holds at any moment from `start` up to, not including, `end` (R4, R37). */
export const heldBetween = (start: string, end: string) =>
  `p.starts_at < ${end} and (p.ends_at is null or p.ends_at > ${start})`;

/**
 * The condition that plan period `p` was written down after a record of `createdAt`, or while it was computed,
 * and may have been missed by it: no turn takes an hour (R12).
 */
export const notedAfter = (createdAt: string) => `p.noted_at > ${createdAt} - interval '1 hour'`;
