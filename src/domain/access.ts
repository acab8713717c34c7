import type { PlanId } from './plans.js';
import type { Strike, SubscriptionStatus } from './subscription.js';

export interface Access {
  /** Whether the tokens asked for may be used; enough to decide by. */
  allowed: boolean;
  overageAllowed: boolean;
  ai: 'full' | 'limited' | 'exhausted' | 'locked';
  dashboard: 'open' | 'locked';
  reason: 'ok' | 'free_limit_reached' | 'limited_by_payment' | 'locked_by_payment';
  remainingTokens: number;
  fix: null | 'upgrade' | 'update_payment_method' | 'confirm_payment';
}

export interface Standing {
  tier: PlanId;
  status: SubscriptionStatus;
  strike: Strike;
  /** A payment waits for the customer's confirmation (R27). */
  confirming: boolean;
}

/**
 * Whether a team may use `tokens` more (R30). `remainingTokens` is what is left of the period's
 * limit, which follows the highest plan held in it (R4); whether overage is allowed follows the
 * tier now.
 */
export function access(standing: Standing, remainingTokens: number, tokens: number): Access {
  const fits = tokens <= remainingTokens;
  const payFix = standing.confirming ? 'confirm_payment' : 'update_payment_method';

  if (isLocked(standing)) {
    return {
      allowed: false,
      overageAllowed: false,
      ai: 'locked',
      dashboard: 'locked',
      reason: 'locked_by_payment',
      remainingTokens,
      fix: payFix,
    };
  }
  if (standing.strike === 2) {
    return {
      allowed: fits,
      overageAllowed: false,
      ai: fits ? 'limited' : 'exhausted',
      dashboard: 'open',
      reason: 'limited_by_payment',
      remainingTokens,
      fix: payFix,
    };
  }
  const overageAllowed = standing.tier !== 'free';
  const allowed = overageAllowed || fits;
  return {
    allowed,
    overageAllowed,
    ai: allowed ? 'full' : 'exhausted',
    dashboard: 'open',
    reason: allowed ? 'ok' : 'free_limit_reached',
    remainingTokens,
    fix: allowed ? (standing.confirming ? 'confirm_payment' : null) : 'upgrade',
  };
}

/** The third strike, or Stripe's own `unpaid` where no ladder of ours runs. */
function isLocked({ strike, status }: Standing): boolean {
  return strike === 3 || (strike === 0 && status === 'unpaid');
}
