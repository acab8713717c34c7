import { activityInfo } from '@temporalio/activity';

/**
 * When this try of the activity was due, by the clock of its workflow (R7, R8): a machine's own clock may
 * be off, and a year may pass in seconds. A try that an outage has put off has its own, later time.
 */
export function now(): Date {
  return new Date(activityInfo().currentAttemptScheduledTimestampMs);
}

/**
 * As `now`, but no earlier than this machine's clock: where no worker ran, a try begins long after it was due.
 * For what must never be taken for younger than it is, such as a key that Stripe forgets after a day (R35).
 */
export function nowAtTheLatest(): Date {
  return new Date(Math.max(now().getTime(), Date.now()));
}
