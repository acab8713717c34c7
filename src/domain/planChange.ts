import { highestPlan, type PlanId } from './plans.js';
import type { Subscription } from './subscription.js';

/** A subscription at Stripe as it bears on a change of its plan. */
export interface Standing {
  subscription: Subscription;
  /** Another plan that waits for its payment; null as its plan: a change to what is no plan of ours. */
  upgrade: { plan: PlanId | null; hostedInvoiceUrl: string | null } | null;
  /** Whether a schedule manages it, and whether that has phases still to come. */
  schedule: 'none' | 'bare' | 'planned';
}

/** One call to Stripe on the way to another plan. */
export type Step = 'void' | 'release' | 'keep' | 'upgrade' | 'schedule' | 'phases' | 'cancel';

/**
 * What is to be done next for the plan that is wished for; null: nothing is left. A larger plan begins
 * at once, once it is paid; a smaller one, and the end, come with the end of the period; what was
 * planned otherwise is undone first. A cancellation is not undone before the larger plan is paid for:
 * who can not pay must not find the old one renewed.
 */
export function nextStep({ subscription, upgrade, schedule }: Standing, wish: PlanId): Step | null {
  const { plan, cancelAt, currentPeriodEnd, pendingPlan } = subscription;
  const grows = wish !== plan && highestPlan([plan ?? 'free', wish]) === wish;
  if (upgrade !== null && !(grows && upgrade.plan === wish)) return 'void';
  const shrinks = wish !== 'free' && wish !== plan && !grows;
  const comes = pendingPlan?.plan === wish && pendingPlan.at <= currentPeriodEnd;
  const fits = shrinks && cancelAt === null && (schedule === 'bare' || comes);
  if (schedule !== 'none' && !fits) return 'release';
  if (wish === 'free') return cancelAt !== null && cancelAt <= currentPeriodEnd ? null : 'cancel';
  if (grows) return upgrade === null ? 'upgrade' : null;
  if (cancelAt !== null) return 'keep';
  if (!shrinks || comes) return null;
  return schedule === 'bare' ? 'phases' : 'schedule';
}
