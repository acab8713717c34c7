import type { Currency } from './money.js';

/** From the smallest to the largest: `highestPlan` relies on the order. */
export const planIds = ['free', 'pro', 'enterprise'] as const;

export type PlanId = (typeof planIds)[number];

export interface Plan {
  id: PlanId;
  /** Minor units a month, before tax (R5). */
  monthlyPrice: number;
  /** Tokens included in a period. */
  tokenLimit: number;
  /** Minor units per 1,000 tokens above the limit; null where the limit is hard. */
  ratePer1000: number | null;
}

/** The prices of one moment. An amount names the version that it was rated with, so a version never changes. */
export interface Catalogue {
  version: string;
  currency: Currency;
  /** The least that is worth an invoice of its own, in minor units (R34). */
  smallestChargeable: number;
  plans: Readonly<Record<PlanId, Plan>>;
}

/** The plans sold today (R3). */
export const catalogue: Catalogue = {
  version: '2026-11',
  currency: 'idr',
  smallestChargeable: 1_000_000,
  plans: {
    free: { id: 'free', monthlyPrice: 0, tokenLimit: 500, ratePer1000: null },
    pro: { id: 'pro', monthlyPrice: 29_900_000, tokenLimit: 50_000, ratePer1000: 1_000 },
    enterprise: {
      id: 'enterprise',
      monthlyPrice: 99_900_000,
      tokenLimit: 500_000,
      ratePer1000: 1_000,
    },
  },
};

/** All that were ever sold, by version: a month is rated again with the one that its record names (R12). */
export const catalogues: ReadonlyMap<string, Catalogue> = new Map([[catalogue.version, catalogue]]);

/** The prices of a version. Throws where no catalogue has it. */
export function catalogueOf(version: string, versions = catalogues): Catalogue {
  const found = versions.get(version);
  if (found === undefined) throw new Error(`no catalogue has the version ${version}`);
  return found;
}

/** The largest of the plans, Free when there is none: what a team's limit and rate in a period follow (R4). */
export function highestPlan(held: readonly PlanId[]): PlanId {
  return planIds.findLast((plan) => held.includes(plan)) ?? 'free';
}
