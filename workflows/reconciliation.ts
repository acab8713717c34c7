import { defineSearchAttributeKey } from '@temporalio/common';
import { continueAsNew, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { reconciling } from './proxies.js';

type Progress = Awaited<ReturnType<Activities['reconcilePage']>>;

const scheduledAt = defineSearchAttributeKey('TemporalScheduledStartTime', 'DATETIME');

/**
 * Compares all subscriptions of the account with the ledger, both ways: what a webhook never told of is
 * found within a day. A schedule starts it, and its time names the run (R7).
 */
export async function reconciliation(from?: Progress): Promise<Omit<Progress, 'after'>> {
  const { typedSearchAttributes, startTime } = workflowInfo();
  const at = (typedSearchAttributes.get(scheduledAt) ?? startTime).toISOString();
  let progress = from ?? { at, after: null, subscriptions: 0, unknown: 0, repaired: 0 };
  do {
    if (workflowInfo().continueAsNewSuggested) {
      return continueAsNew<typeof reconciliation>(progress);
    }
    progress = await reconciling.reconcilePage(progress);
    setCurrentDetails(describe(progress));
  } while (progress.after !== null);
  const lookedAfter = await reconciling.reconcileRest(progress);
  setCurrentDetails(`${describe(progress)} · ${lookedAfter} teams without a difference read anew`);
  const { after: _, ...totals } = progress;
  return totals;
}

function describe({ subscriptions, unknown, repaired }: Progress): string {
  return `${subscriptions} subscriptions compared · ${repaired} differ · ${unknown} of no team`;
}
