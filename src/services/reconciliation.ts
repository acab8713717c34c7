import type Stripe from 'stripe';
import { enqueueReadings } from '../db/outbox.js';
import { type Pool, transaction } from '../db/pool.js';
import {
  markReconciled,
  parkUnknown,
  teamsOfListed,
  teamsToLookAfter,
  unparkKnown,
} from '../db/reconciliation.js';
import { holdTeams } from '../db/stripeEvents.js';
import { insertTimelineEntries } from '../db/timeline.js';
import type { Instant } from '../domain/instant.js';
import { differences, type Listed } from '../domain/reconciliation.js';
import { isLive } from '../domain/subscription.js';
import { listSubscriptions } from '../stripe/subscriptions.js';
import type { PlanPrices } from '../stripe/truth.js';
import { enqueueReadingsOf } from './readings.js';

/** How far a run is. `at`: when it was due, which names it; `after`: the subscription that it has come to. */
export interface Progress {
  at: Instant;
  after: string | null;
  subscriptions: number;
  unknown: number;
  /** Teams that were asked to be read anew. */
  repaired: number;
}

const causeOf = (at: Instant) => `reconcile:${at}`;

/**
 * Compares a page of the account's subscriptions with the ledger. What differs is noted on the team's
 * timeline and read anew; a subscription that no team knows is shown with the parked events (R18). The
 * progress after it; its `after` is null on the last page. Idempotent (R17).
 */
export async function reconcilePage(
  pool: Pool,
  stripe: Stripe,
  prices: PlanPrices,
  progress: Progress,
  now: Date,
): Promise<Progress> {
  const { listed, next } = await listSubscriptions(stripe, progress.after, prices);
  const at = new Date(progress.at);
  const cause = causeOf(progress.at);
  return transaction(pool, async (db) => {
    await holdTeams(db);
    const teams = await teamsOfListed(db, listed, cause);
    const teamsOf = ({ subscription, teamHint }: Listed) => {
      const holders = teams.filter(({ state }) => state.subscription?.id === subscription.id);
      const owner =
        teams.find(({ id }) => id === teamHint) ??
        teams.find(({ stripeCustomerId }) => stripeCustomerId === subscription.customerId);
      return { holders, concerned: new Set(owner === undefined ? holders : [owner, ...holders]) };
    };
    const seen: string[] = [];
    const unknown: Listed[] = [];
    const repairs = new Map<string, { subscriptionId: string; differing: string[] }>();
    for (const one of listed) {
      const { holders, concerned } = teamsOf(one);
      seen.push(...holders.map(({ id }) => id));
      if (concerned.size === 0 && isLive(one.subscription)) unknown.push(one);
      for (const { id, state, isBusy } of concerned) {
        const differing = isBusy ? [] : differences(state, one);
        if (differing.length === 0) continue;
        repairs.set(id, { subscriptionId: one.subscription.id, differing });
      }
    }
    await markReconciled(db, seen, at);
    await parkUnknown(db, unknown, at);
    await unparkKnown(
      db,
      listed.filter((one) => !unknown.includes(one)),
    );
    const entries = [...repairs].map(([teamId, { subscriptionId, differing }]) => ({
      teamId,
      kind: 'reconciled',
      summary: `Stripe's ${subscriptionId} was not as it was known: ${differing.join(', ')}`,
      cause: `${cause}:${teamId}`,
      actor: 'reconciliation',
      details: { subscriptionId },
    }));
    await insertTimelineEntries(db, now, entries);
    const readings = [...repairs].map(([teamId, { subscriptionId: object }]) => ({
      teamId,
      object,
    }));
    await enqueueReadings(db, readings, cause, at, progress.repaired);
    return {
      ...progress,
      after: next,
      subscriptions: progress.subscriptions + listed.length,
      unknown: progress.unknown + unknown.length,
      repaired: progress.repaired + repairs.size,
    };
  });
}

/**
 * Has the teams read whose subscription the run has not listed, and those of which something is to come:
 * both find out by themselves what is to be done. How many. Idempotent (R17).
 */
export async function reconcileRest(
  pool: Pool,
  { at, repaired }: Progress,
  onPage: () => void,
): Promise<number> {
  return enqueueReadingsOf(
    pool,
    (afterId, limit) => teamsToLookAfter(pool, at, afterId, limit),
    { cause: causeOf(at), at: new Date(at), before: repaired },
    onPage,
  );
}
