import { type Catalogue, catalogueOf, catalogues, highestPlan, type PlanId } from './plans.js';
import { type Rating, rate } from './rating.js';
import type { BillingInputs, ComputedRecord, MonthUsage } from './record.js';

/** A record as it stands in the ledger. */
export interface StoredRecord extends Omit<ComputedRecord, 'remainingTokens'> {
  digest: string;
  status: string;
  stripeInvoiceItemId: string | null;
  stripeInvoiceId: string | null;
}

/** The events that a bill knows of a month; corrections (R13) apart. */
export interface CountedEvents {
  metered: { events: number; tokens: number };
  corrections: { events: number; tokens: number };
}

/** A plan that a team held in a month, from when to when (R37). */
export interface HeldPlan {
  plan: PlanId;
  subscriptionId: string;
  from: string;
  to: string | null;
}

/** What the ledger says of a month beside its totals and the record's inputs. */
export interface MonthEvidence {
  period: string;
  /** Null where some are past retention. */
  counted: CountedEvents | null;
  /** When the close of the month found its totals to be what its events add up to. */
  verifiedAt: string | null;
  held: readonly HeldPlan[];
  /** Something of the history of its plans was written down after the record, or may have been. */
  notedSince: boolean;
  /** What earlier records hold of the month. */
  billedTokens: number;
  billedAmount: number;
}

export interface Evidence {
  /** The record's own month, and each that its inputs name. */
  months: readonly MonthEvidence[];
  /** Amounts of earlier records, of those that the inputs say were carried forward. */
  carried: readonly { period: string; amount: number }[];
  /** Tokens of events that this bill should have had, of months that its inputs do not name. */
  left: readonly { period: string; tokens: number }[];
}

/** Whether plans are those of a history. */
export const agree = (plans: readonly PlanId[], history: readonly HeldPlan[]) =>
  new Set(plans).symmetricDifference(new Set(history.map(({ plan }) => plan))).size === 0;

/** One step of the way to a record's amount. Amounts in minor units. */
export type Step =
  | {
      kind: 'usage';
      period: string;
      usedTokens: number;
      counted: CountedEvents | null;
      verifiedAt: string | null;
    }
  | {
      kind: 'plan';
      period: string;
      plan: PlanId;
      held: readonly HeldPlan[];
      /** The history is another one since: the difference is for a later record (R12). */
      heardSince: boolean;
    }
  | ({ kind: 'rating'; period: string; planVersion: string } & Omit<Rating, 'remainingTokens'>)
  | {
      kind: 'late';
      period: string;
      billedTokens: number;
      billedAmount: number;
      tokens: number;
      amount: number;
    }
  | { kind: 'carried'; period: string; amount: number }
  | { kind: 'sum'; period: string; amounts: readonly number[]; amountDue: number }
  | { kind: 'digest'; period: string; digest: string }
  | {
      kind: 'stripe';
      period: string;
      status: string;
      stripeInvoiceItemId: string | null;
      stripeInvoiceId: string | null;
    };

/**
 * How a record came to its amount, step by step (R2, R4, R12, R33), from its stored inputs and what the
 * ledger says of them. It holds for a record that `compareRecord` finds nothing against; without evidence
 * nothing is told of events and of the history of plans.
 */
export function explainRecord(
  record: StoredRecord,
  { month, earlier, carried }: BillingInputs,
  { months }: Pick<Evidence, 'months'> = { months: [] },
  versions: ReadonlyMap<string, Catalogue> = catalogues,
): Step[] {
  const { period } = record;
  const evidence = new Map(months.map((of) => [of.period, of]));
  const cost = (of: MonthUsage, version: string): { steps: Step[]; rating: Rating } => {
    const plan = highestPlan(of.plansHeld);
    const rating = rate(catalogueOf(version, versions).plans[plan], of.usedTokens);
    const { counted = null, verifiedAt = null, held = [] } = evidence.get(of.period) ?? {};
    const { remainingTokens: _, ...figures } = rating;
    const steps: Step[] = [
      { kind: 'usage', period: of.period, usedTokens: of.usedTokens, counted, verifiedAt },
      { kind: 'plan', period: of.period, plan, held, heardSince: !agree(of.plansHeld, held) },
      { kind: 'rating', period: of.period, planVersion: version, ...figures },
    ];
    return { steps, rating };
  };
  const late = earlier.flatMap(({ planVersion, billedTokens, billedAmount, ...past }): Step[] => {
    const { steps, rating } = cost(past, planVersion ?? record.planVersion);
    const tokens = rating.overageTokens - billedTokens;
    const amount = rating.overageCost - billedAmount;
    return [
      ...steps,
      { kind: 'late', period: past.period, billedTokens, billedAmount, tokens, amount },
    ];
  });
  const { status, stripeInvoiceItemId, stripeInvoiceId, digest, amountDue, lines } = record;
  return [
    ...cost(month, record.planVersion).steps,
    ...late,
    ...carried.map((line): Step => ({ kind: 'carried', ...line })),
    { kind: 'sum', period, amounts: lines.map(({ amount }) => amount), amountDue },
    { kind: 'digest', period, digest },
    { kind: 'stripe', period, status, stripeInvoiceItemId, stripeInvoiceId },
  ];
}
