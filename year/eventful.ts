import { nextDueAt } from '../src/domain/calls.js';
import { isLive, type Subscription } from '../src/domain/subscription.js';
import type { TeamState } from '../src/domain/team.js';

/** From the end of a period to the collection of its invoice, in milliseconds. */
const DRAFT = 3_600_000;

/**
 * When something happens to a team by itself, after `now`, in milliseconds: a timer of its workflow runs out, its
 * subscription changes, or an invoice is collected; `drafts` says when those that there are will be. The end of
 * a period at which nothing changes is passed over. Infinity: nothing is to come.
 */
export function nextEventful(state: TeamState, drafts: readonly number[], now: number): number {
  const { subscription } = state;
  const due = nextDueAt(state);
  const times = [
    ...drafts,
    ...(due === null ? [] : [Date.parse(due)]),
    ...(subscription !== null && isLive(subscription) ? [nextOf(subscription)] : []),
  ];
  return Math.min(...times.filter((at) => at > now), Number.POSITIVE_INFINITY);
}

function nextOf({ currentPeriodEnd, cancelAt, pendingPlan, status }: Subscription): number {
  const changes = cancelAt !== null || Boolean(pendingPlan) || status === 'trialing';
  return Date.parse(currentPeriodEnd) + (changes ? 0 : DRAFT);
}
