import { heartbeat } from '@temporalio/activity';
import { type Progress, reconcilePage, reconcileRest } from '../src/services/reconciliation.js';
import type { ActivityDependencies } from './dependencies.js';
import { now } from './now.js';
import { answered } from './stripe.js';

export const reconciliationActivities = ({
  pool,
  stripe,
  prices,
}: Pick<ActivityDependencies, 'pool' | 'stripe' | 'prices'>) => ({
  /** Compares the next page of the account's subscriptions with the ledger (R16). */
  async reconcilePage(progress: Progress): Promise<Progress> {
    return answered(() => reconcilePage(pool, stripe, prices, progress, now()));
  },

  /** Looks after the teams that no page has told of; how many. */
  async reconcileRest(progress: Progress): Promise<number> {
    return reconcileRest(pool, progress, heartbeat);
  },
});
