import { defineSearchAttributeKey } from '@temporalio/common';
import { continueAsNew, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { show } from './details.js';
import { reconciling } from './proxies.js';
import { reconciliationStart } from './starts.js';

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
    show(describe(progress), reconciliationStart);
    if (workflowInfo().continueAsNewSuggested) {
      return continueAsNew<typeof reconciliation>(progress);
    }
    const summary = `Compare 100 subscriptions after the first ${progress.subscriptions}`;
    progress = await reconciling.reconcilePage.executeWithOptions({ summary }, [progress]);
  } while (progress.after !== null);
  show(`${describe(progress)} · looks after the teams of which none told`, reconciliationStart);
  const lookedAfter = await reconciling.reconcileRest.executeWithOptions(
    { summary: 'Look after the teams that no page has told of' },
    [progress],
  );
  const rest = `${lookedAfter} teams without a difference read anew`;
  show(`${describe(progress)} · ${rest}`, reconciliationStart);
  const { after: _, ...totals } = progress;
  return totals;
}

function describe({ subscriptions, unknown, repaired }: Progress): string {
  return `${subscriptions} subscriptions compared · ${repaired} differ · ${unknown} of no team`;
}
