import type { Instant } from './instant.js';
import { highestPlan } from './plans.js';
import { currentSubscription, holdsPlan, isLive, type Subscription } from './subscription.js';
import type { Effect, PlanPeriod, Reading, TeamState, Truth } from './team.js';

/**
 * The team's subscription, tier and plan periods as Stripe's truth has them (R29, R30, R37). A price
 * that no plan knows calls an operator, and leaves tier and plan period as they were while the
 * subscription that they come from holds. A customer that Stripe does not have is told of once: nothing
 * else would show why the team stays on Free.
 */
export function provision(
  before: TeamState,
  truth: Truth,
  reading: Reading,
  now: Instant,
): { state: Partial<TeamState>; effects: Effect[] } {
  const customerId = truth.customerId ?? before.customerId;
  const subscription = currentSubscription(truth.subscriptions);
  const live = truth.subscriptions.filter(isLive);
  const unknownPrice =
    subscription !== null && holdsPlan(subscription.status) && subscription.plan === null;
  const stillHeld = truth.subscriptions.some(
    ({ id, status }) => id === before.held?.subscriptionId && holdsPlan(status),
  );
  const changedAt = changeOf(before, subscription, reading, now);
  const held = unknownPrice && stillHeld ? before.held : heldPlan(before, subscription, changedAt);
  const tier = held?.plan ?? 'free';
  const attention =
    live.length > 1 ? 'second_subscription' : unknownPrice ? 'unknown_price' : 'none';
  const effects: Effect[] = [];
  const note = (kind: string, summary: string, details: Record<string, string | null>) =>
    effects.push({
      kind: 'timeline',
      entry: { kind, summary, cause: reading.cause, actor: 'stripe', details },
    });

  if (before.subscription === null) {
    for (const past of truth.subscriptions) effects.push(...pastPeriod(past));
  }
  if (before.held !== null && !samePeriod(before.held, held)) {
    const ended = truth.subscriptions.find(({ id }) => id === before.held?.subscriptionId)?.endedAt;
    const endsAt = later(ended ?? changedAt, before.held.startsAt);
    effects.push({ kind: 'plan_period', period: { ...before.held, endsAt } });
  }
  if (held !== null && !samePeriod(held, before.held)) {
    effects.push({ kind: 'plan_period', period: held });
  }
  if (
    subscription?.id !== before.subscription?.id ||
    subscription?.status !== before.subscription?.status
  ) {
    note('subscription_changed', `Subscription is ${subscription?.status ?? 'none'}`, {
      subscriptionId: subscription?.id ?? null,
      status: subscription?.status ?? 'none',
    });
  }
  if (tier !== before.tier) {
    note('tier_changed', `Tier is ${tier}, was ${before.tier}`, { from: before.tier, to: tier });
  }
  if (subscription !== null) {
    if (unknownPrice && subscription.priceId !== before.subscription?.priceId) {
      note('unknown_price', `No plan has the price ${subscription.priceId}`, {
        subscriptionId: subscription.id,
        priceId: subscription.priceId,
      });
    }
    if (attention === 'second_subscription' && attention !== before.attention) {
      note('second_subscription', 'The customer has more than one subscription', {
        subscriptionIds: live.map(({ id }) => id).join(' '),
      });
    }
  }
  const { unknownCustomerIds = [] } = truth;
  for (const id of unknownCustomerIds) {
    if (before.unknownCustomerIds?.includes(id)) continue;
    note('unknown_customer', `Stripe has no customer ${id}`, { customerId: id });
  }
  return {
    state: { customerId, subscription, tier, held, attention, unknownCustomerIds },
    effects,
  };
}

/**
 * When the plan changed, of the times that events told: not all of them are about it. The larger plan
 * gets the doubt, so that no team pays for usage that a plan it held included (R4).
 */
function changeOf(
  before: TeamState,
  subscription: Subscription | null,
  { changedAt, lastChangedAt }: Reading,
  now: Instant,
): Instant {
  const plan = subscription && holdsPlan(subscription.status) ? subscription.plan : null;
  const grows = highestPlan([before.tier, plan ?? 'free']) !== before.tier;
  return earlier((grows ? changedAt : (lastChangedAt ?? changedAt)) ?? now, now);
}

/** The plan that is held now, and since when: from the subscription's start, or the moment of the change (R37). */
function heldPlan(
  before: TeamState,
  subscription: Subscription | null,
  changedAt: Instant,
): PlanPeriod | null {
  if (subscription === null || !holdsPlan(subscription.status) || subscription.plan === null) {
    return null;
  }
  const { id: subscriptionId, plan } = subscription;
  const same = before.held?.subscriptionId === subscriptionId ? before.held : null;
  if (same?.plan === plan) return same;
  const resumed =
    before.subscription?.id === subscriptionId && before.subscription.status === 'paused';
  const startsAt =
    same === null && !resumed
      ? subscription.startedAt
      : later(changedAt, same?.startsAt ?? changedAt);
  return { plan, subscriptionId, startsAt, endsAt: null };
}

/** The plan of a subscription that had ended before anything was known of it: its months are still billed (R37). */
function pastPeriod({ id, status, plan, startedAt, endedAt }: Subscription): Effect[] {
  if (status !== 'canceled' || plan === null || endedAt === null) return [];
  const period = { plan, subscriptionId: id, startsAt: startedAt, endsAt: endedAt };
  return [{ kind: 'plan_period', period }];
}

function samePeriod(a: PlanPeriod, b: PlanPeriod | null): boolean {
  return (
    b !== null &&
    a.plan === b.plan &&
    a.subscriptionId === b.subscriptionId &&
    a.startsAt === b.startsAt
  );
}

function later(a: Instant, b: Instant): Instant {
  return a > b ? a : b;
}

function earlier(a: Instant, b: Instant): Instant {
  return a < b ? a : b;
}
