import { announce } from './announce.js';
import { union } from './draft.js';
import type { Instant } from './instant.js';
import { highestPlan } from './plans.js';
import {
  currentSubscription,
  hasUnknownPrice,
  holdsPlan,
  isLive,
  type Subscription,
} from './subscription.js';
import type { Effect, PlanPeriod, Reading, TeamState, Truth } from './team.js';

/** Subscriptions that are remembered beyond those that Stripe lists. */
const ACCOUNTED = 100;

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
  const unknownPrice = subscription !== null && hasUnknownPrice(subscription);
  const stillHeld = truth.subscriptions.some(
    ({ id, status }) => id === before.held?.subscriptionId && holdsPlan(status),
  );
  const changedAt = changeOf(before, subscription, reading, now);
  const held = unknownPrice && stillHeld ? before.held : heldPlan(before, subscription, changedAt);
  const tier = held?.plan ?? 'free';
  const attention =
    live.length > 1 ? 'second_subscription' : unknownPrice ? 'unknown_price' : 'none';
  const effects: Effect[] = [];
  let { heldUntil, outgrown } = before;

  const accounted = accountedFor(before, truth);
  for (const past of truth.subscriptions) {
    if (!accounted.includes(past.id)) effects.push(...pastPeriod(past));
  }
  if (before.held !== null && !samePeriod(before.held, held)) {
    const ended = truth.subscriptions.find(({ id }) => id === before.held?.subscriptionId)?.endedAt;
    heldUntil = later(ended ?? changedAt, before.held.startsAt);
    const period = { ...before.held, endsAt: heldUntil };
    effects.push({ kind: 'plan_period', period });
    outgrown = held !== null && hasOutgrown(held, period) ? period : null;
  }
  if (held !== null && !samePeriod(held, before.held)) {
    effects.push({ kind: 'plan_period', period: held });
  }
  const { unknownCustomerIds = [] } = truth;
  const ended = truth.subscriptions.filter((of) => !isLive(of)).map(({ id }) => id);
  const written = held === null ? ended : [held.subscriptionId, ...ended];
  const state = {
    customerId,
    subscription,
    tier,
    held,
    ...(heldUntil !== undefined && { heldUntil }),
    ...(outgrown !== undefined && { outgrown }),
    attention,
    unknownCustomerIds,
    accountedSubscriptionIds: union(written, accounted).slice(0, ACCOUNTED + ended.length),
  } satisfies Partial<TeamState>;
  effects.push(...announce(before, { ...before, ...state }, truth, reading.cause));
  return { state, effects };
}

/** Subscriptions whose plan periods are written or under way; of a state of before, all that it may have seen. */
function accountedFor(before: TeamState, { subscriptions }: Truth): string[] {
  const { accountedSubscriptionIds, subscription, held } = before;
  const assumed = subscription === null ? [] : subscriptions.map(({ id }) => id);
  return union(held === null ? [] : [held.subscriptionId], accountedSubscriptionIds ?? assumed);
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
  const since = same?.startsAt ?? (resumed ? before.heldUntil : undefined) ?? changedAt;
  const startsAt = same === null && !resumed ? subscription.startedAt : later(changedAt, since);
  return { plan, subscriptionId, startsAt, endsAt: null };
}

/** The plan of a subscription that began and ended unheard: its months are still billed (R37). */
function pastPeriod({ id, status, plan, startedAt, endedAt }: Subscription): Effect[] {
  if (status !== 'canceled' || plan === null || endedAt === null) return [];
  const period = { plan, subscriptionId: id, startsAt: startedAt, endsAt: endedAt };
  return [{ kind: 'plan_period', period }];
}

function hasOutgrown(held: PlanPeriod, before: PlanPeriod): boolean {
  return (
    held.subscriptionId === before.subscriptionId &&
    highestPlan([held.plan, before.plan]) !== before.plan
  );
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
