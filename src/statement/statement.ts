import type { BillingStatus, UsageBilling } from '../db/usageBillings.js';
import type { Step } from '../domain/explanation.js';
import type { Period } from '../domain/period.js';
import { catalogueOf } from '../domain/plans.js';
import type { LineKind } from '../domain/record.js';
import { formatAmount, formatTime, formatTokens, lineLabels } from '../email/format.js';

/** What a statement says, from top to bottom. */
export interface Statement {
  title: string;
  /** When its record was written. */
  createdAt: Date;
  heading: string;
  facts: Fact[];
  due: { heading: string; amounts: Amount[]; total: string; note: string };
  record: { heading: string; facts: Fact[] };
}

interface Fact {
  label: string;
  value: string;
}

/** What an amount is for, and how it was computed. */
interface Amount extends Fact {
  arithmetic: string;
}

type StepOf<K extends Step['kind']> = Extract<Step, { kind: K }>;

/** The team's name and id now, its record, and how that came about (`explainRecord`). */
export interface StatementSource {
  team: { id: string; name: string };
  record: UsageBilling;
  steps: readonly Step[];
}

/**
 * The statement of a record: what was used, what is due beside the plan, and how each amount was computed
 * (R2, R12, R33, R34). Times are told in `zone`.
 */
export function statementOf(
  { team, record, steps }: StatementSource,
  period: Period,
  zone: string,
): Statement {
  const time = (instant: Date) => formatTime(instant.toISOString(), zone);
  const { plan, planVersion, tokenLimit, ratePer1000 } = record;
  const { monthlyPrice } = catalogueOf(planVersion).plans[plan];
  return {
    title: `Usage statement of ${team.name}, ${period.id}`,
    heading: `Usage statement, ${period.id}`,
    createdAt: record.createdAt,
    facts: [
      { label: 'Team', value: team.name },
      { label: 'Team id', value: team.id },
      { label: 'From', value: time(period.start) },
      { label: 'Until', value: `${time(period.end)}, that instant not included` },
      { label: 'Time zone', value: zone },
      { label: 'Plan', value: `${plan}, at the prices of ${planVersion}` },
      {
        label: 'Monthly price',
        value: `${formatAmount(monthlyPrice)}, not part of this statement`,
      },
      { label: 'Tokens included', value: formatTokens(tokenLimit) },
      {
        label: 'Tokens above them',
        value:
          ratePer1000 === null
            ? 'never charged'
            : `${formatAmount(ratePer1000)} per ${formatTokens(1_000)} tokens`,
      },
      { label: 'Tokens used', value: formatTokens(record.usedTokens) },
    ],
    due: {
      heading: 'Due beside the plan',
      amounts: amountsOf(period.id, steps),
      total: formatAmount(record.amountDue),
      note: `A cost is rounded half up to ${formatAmount(1)}, once. Amounts are before tax, which is added on the invoice.`,
    },
    record: {
      heading: 'Record',
      facts: [
        { label: 'Status', value: statuses[record.status] },
        ...known("Stripe's invoice", record.stripeInvoiceId),
        ...known("Stripe's invoice item", record.stripeInvoiceItemId),
        { label: 'Usage counted up to', value: `${time(record.watermark)} (watermark)` },
        { label: 'Written', value: time(record.createdAt) },
        ...known('Billed', record.billedAt && time(record.billedAt)),
        { label: 'Digest', value: record.digest },
      ],
    },
  };
}

const statuses: Readonly<Record<BillingStatus, string>> = {
  nothing_due: 'nothing due',
  due: 'due, not on an invoice yet',
  pending: "waits for the subscription's next invoice",
  billed: 'on an invoice',
  carried_forward: 'too small for an invoice of its own: carried to a later record',
  failed: 'refused by Stripe, not on an invoice',
};

const known = (label: string, value: string | null): Fact[] =>
  value === null ? [] : [{ label, value }];

/** The month's own cost, though it be nothing, then each line for another month. */
function amountsOf(period: string, steps: readonly Step[]): Amount[] {
  return steps.flatMap((step): Amount[] => {
    if (step.kind === 'rating' && step.period === period) {
      return [amount('overage', period, step.overageCost, costOf(step))];
    }
    if (step.kind === 'late' && step.amount !== 0) {
      return [amount('late', step.period, step.amount, differenceOf(step, steps))];
    }
    if (step.kind === 'carried') {
      const reason = 'That record was too small for an invoice of its own.';
      return [amount('carried', step.period, step.amount, reason)];
    }
    return [];
  });
}

const amount = (kind: LineKind, period: string, minor: number, arithmetic: string): Amount => ({
  label: `${lineLabels[kind]}, ${period}`,
  arithmetic,
  value: formatAmount(minor),
});

/** What the month costs with all that was known of it, and what was billed of it before. */
function differenceOf({ period, billedAmount }: StepOf<'late'>, steps: readonly Step[]): string {
  const cost = steps.flatMap((step) => {
    if (step.period !== period) return [];
    if (step.kind === 'plan') return [step.plan];
    return step.kind === 'rating' ? [`at the prices of ${step.planVersion}:\n${costOf(step)}`] : [];
  });
  return `${cost.join(' ')}\nless ${formatAmount(billedAmount)} billed before`;
}

/** As one computes it on paper; what was rounded is there before and after (R2). */
function costOf({
  usedTokens,
  tokenLimit,
  overageTokens,
  ratePer1000,
  overageCost,
}: StepOf<'rating'>): string {
  const cost = formatAmount(overageCost);
  const [used, limit] = [formatTokens(usedTokens), formatTokens(tokenLimit)];
  if (ratePer1000 === null) return `${used} used; above ${limit} nothing is charged`;
  if (overageTokens === 0) return `${used} used of ${limit}: ${cost}`;
  const exact = BigInt(overageTokens) * BigInt(ratePer1000);
  const rounded =
    exact % 1_000n === 0n ? '' : ` = ${unrounded.format(`${exact}E-5` as `${number}`)}, half up`;
  return `(${used} – ${limit}) ÷ ${formatTokens(1_000)} × ${formatAmount(ratePer1000)}${rounded} = ${cost}`;
}

/** A thousandth of a minor unit has five decimals. */
const unrounded = new Intl.NumberFormat('id-ID', {
  style: 'currency',
  currency: 'IDR',
  maximumFractionDigits: 5,
});
