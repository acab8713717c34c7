import type { Queryable } from './pool.js';
import type { UsageBilling } from './usageBillings.js';

/** What has become of a record. */
export type BillingFate = Pick<UsageBilling, 'teamId' | 'status' | 'failure'>;

/** Records that have failed, in the order of teams; all without a limit. */
export async function failedBillings(
  db: Queryable,
  period: string,
  limit: number | null,
): Promise<BillingFate[]> {
  const { rows } = await db.query<BillingFate>(
    `select team_id as "teamId", status, failure from tagih.usage_billings
      where period = $1 and status = 'failed' order by team_id limit $2`,
    [period, limit],
  );
  return rows;
}

/** What has become of the records of these teams, in the order of teams. */
export async function billingFates(
  db: Queryable,
  period: string,
  teamIds: readonly string[],
): Promise<BillingFate[]> {
  const { rows } = await db.query<BillingFate>(
    `select team_id as "teamId", status, failure from tagih.usage_billings
      where period = $1 and team_id = any($2) order by team_id`,
    [period, teamIds],
  );
  return rows;
}
