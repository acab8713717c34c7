import type { Instant } from './instant.js';
import type { PlanId } from './plans.js';

/** Stripe's own statuses (docs.stripe.com/api/subscriptions/object#subscription_object-status). */
export const stripeStatuses = [
  'incomplete',
  'incomplete_expired',
  'trialing',
  'active',
  'past_due',
  'unpaid',
  'canceled',
  'paused',
] as const;

export type StripeStatus = (typeof stripeStatuses)[number];

export type SubscriptionStatus = StripeStatus | 'none';

/** How many scheduled payment attempts of an invoice have failed; 0 outside a ladder (R22). */
export type Strike = 0 | 1 | 2 | 3;

export interface Subscription {
  id: string;
  customerId: string;
  status: StripeStatus;
  priceId: string;
  /** null: a price that no plan knows (R37). */
  plan: PlanId | null;
  startedAt: Instant;
  endedAt: Instant | null;
  currentPeriodEnd: Instant;
  cancelAt: Instant | null;
  /** When its trial ends or ended; this and what follows is absent from readings of before. */
  trialEnd?: Instant | null;
  /** The plan that its schedule changes to, and when. */
  pendingPlan?: PendingPlan | null;
  /** Absent while its invoices are collected. */
  pauseCollection?: PauseCollection;
}

export interface PendingPlan {
  plan: PlanId;
  at: Instant;
}

export interface PauseCollection {
  /** Stripe's word for what it makes of the invoices: `keep_as_draft`, `mark_uncollectible`, `void`. */
  behavior: string;
  /** null: until somebody has it collect again. */
  resumesAt: Instant | null;
}

/** Whether the plan of the subscription's price holds; in every other status the team is on Free (R30, R37). */
export function holdsPlan(status: SubscriptionStatus): boolean {
  return (
    status === 'trialing' || status === 'active' || status === 'past_due' || status === 'unpaid'
  );
}

/** Whether it holds a price that no plan knows: what Free would be of an unpaid one is no error (R37). */
export function hasUnknownPrice({ status, plan }: Subscription): boolean {
  return holdsPlan(status) && plan === null;
}

/** Whether the subscription may still come to charge the customer. */
export function isLive({ status }: Subscription): boolean {
  return status !== 'canceled' && status !== 'incomplete_expired';
}

/**
 * The one subscription that counts for a team: of those that live, one that holds its plan before
 * one that does not, and a plan before a price that no plan knows, which may be another product of the
 * host's (R37); the newest; when none lives, the newest of the ended.
 */
export function currentSubscription(all: readonly Subscription[]): Subscription | null {
  const weight = (s: Subscription) =>
    holdsPlan(s.status) ? (s.plan === null ? 2 : 3) : isLive(s) ? 1 : 0;
  const [current] = all.toSorted(
    (a, b) =>
      weight(b) - weight(a) || b.startedAt.localeCompare(a.startedAt) || b.id.localeCompare(a.id),
  );
  return current ?? null;
}

/** Stripe's status, which the ladder may make worse: at least `past_due`, at strike 3 `unpaid` (R29). */
export function subscriptionStatus(
  subscription: Subscription | null,
  strike: Strike,
): SubscriptionStatus {
  if (subscription === null) return 'none';
  if (strike === 0 || !isLive(subscription)) return subscription.status;
  if (strike === 3 || subscription.status === 'unpaid') return 'unpaid';
  return 'past_due';
}
