import type { Pool } from '../db/pool.js';
import { type BillingStatus, listUsageBillings, type UsageBilling } from '../db/usageBillings.js';
import { decimal } from '../domain/money.js';
import { catalogue } from '../domain/plans.js';
import type { LineKind } from '../domain/record.js';

/** More than this at once would gain nothing, and fewer would ask Postgres more often. */
const PAGE = 1_000;

/**
 * The records of a period in the order of their teams, page by page: a page is all that is in memory, and no
 * transaction waits for whoever reads. Amounts never change (R33); a status is the one of the moment in which
 * its page was read.
 */
export async function* readBillings(
  pool: Pool,
  filter: { period: string; status?: BillingStatus | undefined },
): AsyncGenerator<UsageBilling> {
  let after = { period: '', teamId: '' };
  for (;;) {
    const page = await listUsageBillings(pool, filter, after, PAGE);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = { period: last.period, teamId: last.teamId };
  }
}

/** An amount in whole units of its currency, exactly: `299000.00`. */
export class Major {
  constructor(private readonly minor: bigint) {}
  toString(): string {
    return decimal(this.minor);
  }
  toJSON(): string {
    return decimal(this.minor);
  }
}

/** What is added up over records. In bigint: the sum of many teams may pass 2^53. */
export interface Sums {
  usedTokens: bigint;
  overageTokens: bigint;
  overage: bigint;
  late: bigint;
  carried: bigint;
  amountDue: bigint;
}

export const NOTHING: Sums = {
  usedTokens: 0n,
  overageTokens: 0n,
  overage: 0n,
  late: 0n,
  carried: 0n,
  amountDue: 0n,
};

/** A record's own; its lines by kind, so that overage, late and carried add up to what is due. */
export function sumsOf({ usedTokens, overageTokens, amountDue, lines }: UsageBilling): Sums {
  const of = (kind: LineKind) =>
    lines.reduce((sum, line) => (line.kind === kind ? sum + BigInt(line.amount) : sum), 0n);
  return {
    usedTokens: BigInt(usedTokens),
    overageTokens: BigInt(overageTokens),
    overage: of('overage'),
    late: of('late'),
    carried: of('carried'),
    amountDue: BigInt(amountDue),
  };
}

export function add(one: Sums, other: Sums): Sums {
  return {
    usedTokens: one.usedTokens + other.usedTokens,
    overageTokens: one.overageTokens + other.overageTokens,
    overage: one.overage + other.overage,
    late: one.late + other.late,
    carried: one.carried + other.carried,
    amountDue: one.amountDue + other.amountDue,
  };
}

/** Sums as finance reads them: each amount in minor units and in whole ones. */
export function sumCells({ overage, late, carried, amountDue, ...tokens }: Sums) {
  return {
    ...tokens,
    currency: catalogue.currency,
    overageMinor: overage,
    overage: new Major(overage),
    lateMinor: late,
    late: new Major(late),
    carriedMinor: carried,
    carried: new Major(carried),
    amountDueMinor: amountDue,
    amountDue: new Major(amountDue),
  };
}

/** A record as finance reads it. */
export function recordCells(record: UsageBilling) {
  const { teamId, period, plan, planVersion, status, tokenLimit, ratePer1000 } = record;
  return {
    teamId,
    period,
    plan,
    planVersion,
    status,
    tokenLimit,
    ratePer1000Minor: ratePer1000,
    ratePer1000: ratePer1000 === null ? null : new Major(BigInt(ratePer1000)),
    ...sumCells(sumsOf(record)),
    stripeInvoiceItemId: record.stripeInvoiceItemId,
    stripeInvoiceId: record.stripeInvoiceId,
    billedAt: record.billedAt?.toISOString() ?? null,
  };
}
