import { ActivityCancellationType, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { bulkTaskQueue } from './taskQueues.js';

/** Postgres: nothing of a team may go on before its turn is written, so it is tried for as long as it takes. */
export const ledger = proxyActivities<Pick<Activities, 'saveTurn'>>({
  startToCloseTimeout: '15s',
  retry: { initialInterval: '200ms', maximumInterval: '10s' },
});

/**
 * Stripe: at most 30 s apart (R28), given up after ten minutes so that the workflow can say that
 * it waits. A try that is under way when it is cancelled is awaited: its outcome counts (R26).
 */
export const stripe = proxyActivities<
  Pick<Activities, 'readTeam' | 'attemptPayment' | 'writeOff' | 'holdInvoice' | 'settleUsage'>
>({
  // Nine calls one after the other at most, each given up after 20 s; a worker that died is noticed before.
  startToCloseTimeout: '3m',
  heartbeatTimeout: '40s',
  scheduleToCloseTimeout: '10m',
  retry: { initialInterval: '500ms', maximumInterval: '30s' },
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});

/** Stripe, for what no loop waits for: tried at most 30 s apart, for as long as an outage takes (R28). */
export const disputes = proxyActivities<Pick<Activities, 'placeDispute'>>({
  // One call of 20 s at most, then a transaction.
  startToCloseTimeout: '60s',
  retry: { initialInterval: '500ms', maximumInterval: '30s' },
});

/** Postmark: mail waits in its table for as long as an outage takes (R36). */
export const mail = proxyActivities<Pick<Activities, 'sendWaitingMails'>>({
  startToCloseTimeout: '2m',
  retry: { initialInterval: '1s', maximumInterval: '60s' },
  // Two at a time would send the same mails.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});

/** The close's steps in the ledger: a range of 5,000 teams takes about a second. */
export const closing = proxyActivities<
  Pick<
    Activities,
    | 'monthsToClose'
    | 'beginClose'
    | 'factsBehind'
    | 'leaveFactsBehind'
    | 'sealPeriod'
    | 'writeRecords'
    | 'writeSummaries'
    | 'pagesToBill'
    | 'finishClose'
  >
>({
  startToCloseTimeout: '2m',
  retry: { initialInterval: '500ms', maximumInterval: '30s' },
});

/** A month's events are counted: millions of them. */
export const verifying = proxyActivities<Pick<Activities, 'verifyUsage'>>({
  startToCloseTimeout: '1h',
  heartbeatTimeout: '60s',
  retry: { initialInterval: '5s', maximumInterval: '5m' },
});

/** The close's calls to Stripe: a page can be 500 of them; a worker that died is noticed by its silence. */
export const overage = () =>
  proxyActivities<Pick<Activities, 'adoptItems' | 'billOverage'>>({
    taskQueue: bulkTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '30m',
    heartbeatTimeout: '90s',
    retry: { initialInterval: '1s', maximumInterval: '30s' },
  });

/**
 * The reconciliation's pages, one list of Stripe's and a transaction each. What no outage explains ends the
 * run, lest it keep those of the next days from being started.
 */
export const reconciling = proxyActivities<Pick<Activities, 'reconcilePage' | 'reconcileRest'>>({
  startToCloseTimeout: '10m',
  heartbeatTimeout: '60s',
  scheduleToCloseTimeout: '12h',
  retry: { initialInterval: '1s', maximumInterval: '5m' },
});

/** Partitions wait two seconds at most for who reads usage, and are tried again when that was too short. */
export const upkeep = proxyActivities<Pick<Activities, 'keepUsagePartitions'>>({
  startToCloseTimeout: '1m',
  retry: { initialInterval: '5s', maximumInterval: '5m' },
});

/** Millions of keys, a hundred teams at a time; a worker that died is noticed by its silence. */
export const forgetting = proxyActivities<Pick<Activities, 'forgetUsageKeys'>>({
  startToCloseTimeout: '12h',
  heartbeatTimeout: '5m',
  retry: { initialInterval: '5s', maximumInterval: '5m' },
});
