import type { Plan } from './plans.js';

export interface Rating {
  usedTokens: number;
  tokenLimit: number;
  remainingTokens: number;
  /** Tokens above the limit; 0 on a plan without overage. */
  overageTokens: number;
  ratePer1000: number | null;
  /** Minor units. */
  overageCost: number;
}

/**
 * What a period's usage costs on a plan (R2): max(0, used − limit) ÷ 1000 × rate. The plan is the
 * highest that the team held in the period (R4).
 */
export function rate(plan: Plan, usedTokens: number): Rating {
  const { tokenLimit, ratePer1000 } = plan;
  const overageTokens = ratePer1000 === null ? 0 : Math.max(0, usedTokens - tokenLimit);
  return {
    usedTokens,
    tokenLimit,
    remainingTokens: Math.max(0, tokenLimit - usedTokens),
    overageTokens,
    ratePer1000,
    overageCost: costOf(overageTokens, ratePer1000 ?? 0),
  };
}

/** Rounds half up to the minor unit, once. In bigint, for tokens × rate can pass 2^53. */
function costOf(tokens: number, ratePer1000: number): number {
  return Number((BigInt(tokens) * BigInt(ratePer1000) + 500n) / 1000n);
}
