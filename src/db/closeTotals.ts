import type { Currency } from '../domain/money.js';
import { catalogueOf } from '../domain/plans.js';
import { type BillingFate, failedBillings } from './billingFates.js';
import type { Queryable } from './pool.js';
import type { BillingStatus } from './usageBillings.js';

/** Teams that are named where more have failed. */
const NAMED = 20;

/** What the records of a period come to. */
export interface CloseTotals {
  teams: number;
  tokens: number;
  /** How many records have a status. */
  records: Partial<Record<BillingStatus, number>>;
  /** Minor units: of the month's usage above the plans; of all that is due; of that, what has failed. */
  amounts: { currency: Currency; overage: number; due: number; failed: number }[];
  /** The first of those that have failed, and how many more have. */
  failures: BillingFate[];
  moreFailures: number;
}

/** Goes through all records of the period: for when its close has ended. */
export async function readCloseTotals(db: Queryable, period: string): Promise<CloseTotals> {
  const { rows } = await db.query<{
    status: BillingStatus;
    planVersion: string;
    teams: number;
    tokens: number;
    overage: number;
    due: number;
  }>(
    `select status, plan_version as "planVersion", count(*)::int as teams,
            sum(used_tokens)::bigint as tokens, sum(overage_cost)::bigint as overage,
            sum(amount_due)::bigint as due
       from tagih.usage_billings where period = $1
      group by status, plan_version order by status, plan_version`,
    [period],
  );
  const totals: Omit<CloseTotals, 'failures' | 'moreFailures'> = {
    teams: 0,
    tokens: 0,
    records: {},
    amounts: [],
  };
  for (const { status, planVersion, teams, tokens, overage, due } of rows) {
    totals.teams += teams;
    totals.tokens += tokens;
    totals.records[status] = (totals.records[status] ?? 0) + teams;
    const { currency } = catalogueOf(planVersion);
    let amount = totals.amounts.find((of) => of.currency === currency);
    if (amount === undefined) {
      amount = { currency, overage: 0, due: 0, failed: 0 };
      totals.amounts.push(amount);
    }
    amount.overage += overage;
    amount.due += due;
    if (status === 'failed') amount.failed += due;
  }
  const failures = await failedBillings(db, period, NAMED);
  return { ...totals, failures, moreFailures: (totals.records.failed ?? 0) - failures.length };
}
