import { activityInfo } from '@temporalio/activity';

/**
 * When this try of the activity was due, by the clock of its workflow (R7, R8): a machine's own clock may
 * be off, and a year may pass in seconds. A try that an outage has put off has its own, later time.
 */
export function now(): Date {
  return new Date(activityInfo().currentAttemptScheduledTimestampMs);
}
