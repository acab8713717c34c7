import { type Catalogue, catalogueOf, catalogues, highestPlan, type PlanId } from './plans.js';
import { type Rating, rate } from './rating.js';

export type LineKind = 'overage' | 'late' | 'carried';

/** `period`: the month that the line is for. Amounts in minor units; late ones may be negative (R12). */
export interface Line {
  kind: LineKind;
  period: string;
  tokens: number;
  amount: number;
}

/** What is known of one month of a team. */
export interface MonthUsage {
  period: string;
  usedTokens: number;
  plansHeld: readonly PlanId[];
}

/** An earlier, sealed month with what was billed of it so far. */
export interface PastMonth extends MonthUsage {
  /** The version that its record was rated with; null when it has none. */
  planVersion: string | null;
  billedTokens: number;
  billedAmount: number;
}

export interface BillingInputs {
  /** The month to bill: the usage that was committed before its seal (R38). */
  month: MonthUsage;
  /** Earlier months with all that is known of them now. */
  earlier: readonly PastMonth[];
  /** Amounts of earlier records that were too small for an invoice of their own (R34). */
  carried: readonly { period: string; amount: number }[];
}

export interface ComputedRecord extends Rating {
  period: string;
  plan: PlanId;
  planVersion: string;
  lines: Line[];
  /** The sum of the lines. */
  amountDue: number;
}

/**
 * A team's record of a month (R4, R12, R33): pure, so that it can be computed again at any time.
 * `catalogue` rates the month itself, `versions` those before it.
 */
export function computeRecord(
  inputs: BillingInputs,
  catalogue: Catalogue,
  versions = catalogues,
): ComputedRecord {
  const { month, earlier, carried } = inputs;
  const plan = highestPlan(month.plansHeld);
  const rating = rate(catalogue.plans[plan], month.usedTokens);
  const overage: Line = {
    kind: 'overage',
    period: month.period,
    tokens: rating.overageTokens,
    amount: rating.overageCost,
  };
  const late = earlier.map((past): Line => {
    const version = past.planVersion ?? catalogue.version;
    const { plans } = version === catalogue.version ? catalogue : catalogueOf(version, versions);
    const now = rate(plans[highestPlan(past.plansHeld)], past.usedTokens);
    return {
      kind: 'late',
      period: past.period,
      tokens: now.overageTokens - past.billedTokens,
      amount: now.overageCost - past.billedAmount,
    };
  });
  const forward = carried.map((past): Line => ({ kind: 'carried', tokens: 0, ...past }));
  const lines = [overage, ...late, ...forward].filter(({ amount }) => amount !== 0);
  return {
    ...rating,
    period: month.period,
    plan,
    planVersion: catalogue.version,
    lines,
    amountDue: lines.reduce((sum, { amount }) => sum + amount, 0),
  };
}
