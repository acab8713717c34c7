import type { PlanId } from '../domain/plans.js';
import type { Queryable } from './pool.js';

export interface PlanChange {
  teamId: string;
  subscriptionId: string;
  from: PlanId;
  to: PlanId;
}

/**
 * How a change of plan ended: it is made; it waits for a payment; Stripe refuses it; another was asked
 * for while this one was left half made.
 */
export type PlanChangeOutcome = 'made' | 'payment_required' | 'refused' | 'abandoned';

/** Longer than two calls to Stripe take, the one to read and the one to change. */
const LEASE = "now() + interval '60 seconds'";

/**
 * Leases the team's change to this plan: the one that was left half made, under its old number, else
 * a new one. undefined while another request is at work. To be committed before Stripe is called.
 */
export async function claimPlanChange(
  db: Queryable,
  change: PlanChange,
  at: Date,
): Promise<{ number: number; isNew: boolean } | undefined> {
  const { teamId, subscriptionId, from, to } = change;
  await abandonPlanChange(db, change, at);
  const { rows: left } = await db.query<{ number: number }>(
    `update tagih.plan_changes set leased_until = ${LEASE}
      where team_id = $1 and finished_at is null and leased_until <= now() returning number`,
    [teamId],
  );
  if (left[0] !== undefined) return { number: left[0].number, isNew: false };
  const { rows: made } = await db.query<{ number: number }>(
    `insert into tagih.plan_changes
       (team_id, number, subscription_id, from_plan, to_plan, requested_at, leased_until)
     select $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, ${LEASE}
       from tagih.plan_changes where team_id = $1
     on conflict do nothing returning number`,
    [teamId, subscriptionId, from, to, at],
  );
  return made[0] && { number: made[0].number, isNew: true };
}

/** Gives up a change of the team that was left half made, and is not the one that is asked for now. */
export async function abandonPlanChange(
  db: Queryable,
  { teamId, subscriptionId, to }: Omit<PlanChange, 'from'>,
  at: Date,
): Promise<void> {
  await db.query(
    `update tagih.plan_changes set finished_at = $4, outcome = $5
      where team_id = $1 and finished_at is null and leased_until <= now()
        and (subscription_id <> $2 or to_plan <> $3)`,
    [teamId, subscriptionId, to, at, 'abandoned' satisfies PlanChangeOutcome],
  );
}

/** Goes on with a change that is leased, under the number `next`; false: the lease was lost. */
export async function renewPlanChange(
  db: Queryable,
  teamId: string,
  number: number,
  next: number,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `update tagih.plan_changes set number = $3, leased_until = ${LEASE}
      where team_id = $1 and number = $2 and finished_at is null and leased_until > now()`,
    [teamId, number, next],
  );
  return rowCount === 1;
}

/** Leaves a change as it is to whoever asks next. */
export async function releasePlanChange(
  db: Queryable,
  teamId: string,
  number: number,
): Promise<void> {
  await db.query(
    'update tagih.plan_changes set leased_until = now() where team_id = $1 and number = $2',
    [teamId, number],
  );
}

/** Ends the team's change to this plan, whoever began it; its number, undefined when there is none. */
export async function endPlanChange(
  db: Queryable,
  teamId: string,
  to: PlanId,
  outcome: PlanChangeOutcome,
  at: Date,
): Promise<number | undefined> {
  const { rows } = await db.query<{ number: number }>(
    `update tagih.plan_changes set finished_at = $4, outcome = $3
      where team_id = $1 and to_plan = $2 and finished_at is null returning number`,
    [teamId, to, outcome, at],
  );
  return rows[0]?.number;
}
