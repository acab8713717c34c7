import type { Page } from '../src/domain/page.js';
import type { TeamState } from '../src/domain/team.js';
import {
  closeWorkflowId,
  MAILER,
  stripeEventWorkflowId,
  subscriptionWorkflowId,
} from '../src/domain/workflowIds.js';

/** A workflow as clients, schedules and parents start it. */
export interface Start<Args extends unknown[] = unknown[]> {
  type: string;
  options: {
    workflowId: string;
    args: Args;
    /** One line, and some of Markdown, that Temporal UI shows for as long as the workflow is kept: no personal data (R21). */
    staticSummary: string;
    staticDetails: string;
    memo?: Record<string, string | number>;
  };
}

/** A team's subscription and ladders, from what Postgres has of it (R21). */
export function subscriptionStart(state: TeamState): Start<[TeamState]> {
  const { teamId } = state;
  return {
    type: 'subscription',
    options: {
      workflowId: subscriptionWorkflowId(teamId),
      args: [state],
      staticSummary: `Team ${teamId}`,
      staticDetails: `The subscription and the dunning of team \`${teamId}\`, for as long as the team lives. It waits for news from Stripe and for its own timer: the current details say for what, and until when.

**You may** send an Update, each with \`{ actor, reason, invoiceId? }\`:
- \`retryPayment\` tries the unpaid invoices now
- \`extendGrace\` tries later, at \`until\`
- \`pauseDunning\`, \`resumeDunning\` stop the timers and let them go on
- \`waive\` gives the unpaid invoices up and opens the team again
- \`resync\` reads the team at Stripe anew

**Do not** terminate it: its timer would run no more until the next event or reconciliation. A request to cancel is not heard.`,
      memo: { teamId },
    },
  };
}

/** The mails that wait (R36). */
export const mailerStart: Start<[]> = {
  type: 'mailer',
  options: {
    workflowId: MAILER,
    args: [],
    staticSummary: 'Sends the mails that wait',
    staticDetails: `Sends the mails that wait in Postgres, 500 a call, and ends when none does. The next mail starts it again. While Postmark is away it goes on trying, a minute apart at most.

**You may** terminate it: no mail is lost, and \`tagih resync\` starts it again.`,
  },
};

/** The team of an event that names none (R18). */
export function stripeEventStart(eventId: string): Start<[string]> {
  return {
    type: 'stripeEvent',
    options: {
      workflowId: stripeEventWorkflowId(eventId),
      args: [eventId],
      staticSummary: `Finds the team of ${eventId}`,
      staticDetails: `Asks Stripe whose charge the dispute of \`${eventId}\` is about, and hands the event to that team. It tries for as long as Stripe does not answer.

**You may** terminate it: the event stays parked, and \`tagih resync\` looks for its team once more.`,
      memo: { eventId },
    },
  };
}

/** The close of a month (R32); `failed`: of one that has completed, with the records that have failed alone. */
export function closeStart(period: string, begin?: 'failed'): Start<[string, 'failed'?]> {
  return {
    type: 'close',
    options: {
      workflowId: closeWorkflowId(period),
      args: begin === undefined ? [period] : [period, begin],
      staticSummary: `Close of ${period}`,
      staticDetails: `Waits, an hour at most, for facts from before the end of ${period}; seals the month; counts its totals against the events; writes all records and summaries; then brings what is due to Stripe, page by page, in \`${closeWorkflowId(period)}:<page>\`.

**You may** cancel it, and start it again at any time with \`tagih close ${period}\`: it makes no second record, item or mail. Records that Stripe has refused are billed again by \`tagih close ${period} --failed\`.`,
      memo: { period },
    },
  };
}

/** One page of what a close brings to Stripe (R32). */
export function billPageStart(period: string, number: number, page: Page): Start<[string, Page]> {
  const { first, last } = page;
  return {
    type: 'billPage',
    options: {
      workflowId: `${closeWorkflowId(period)}:${number}`,
      args: [period, page],
      staticSummary: `Teams ${first} to ${last}`,
      staticDetails: `Page ${number} of the close of ${period}: gives Stripe the overage of teams \`${first}\` to \`${last}\`, at the rate that Stripe allows.

**You may** wait: where it does not end, the last failure of \`billOverage\` says what Stripe answers. Cancelled, it ends its close as failed.`,
      memo: { period, page: number, first, last },
    },
  };
}

/** What the schedule of the month's close starts (R7, R12). */
export const monthlyCloseRunStart: Start<[]> = {
  type: 'monthlyCloseRun',
  options: {
    workflowId: 'monthly-close-run',
    args: [],
    staticSummary: 'Starts the close of the month that ended',
    staticDetails: `Started by the schedule \`monthly-close\`. Starts \`close:<period>\` for the month that ended before its scheduled time, and for each before it that nobody has closed, and ends.

**You may** trigger the schedule at any time: a close that runs is left alone.`,
  },
};

/** What the schedule of the reconciliation starts (R16). */
export const reconciliationStart: Start<[]> = {
  type: 'reconciliation',
  options: {
    workflowId: 'reconciliation-run',
    args: [],
    staticSummary: 'Compares all subscriptions of the account with the ledger',
    staticDetails: `Started by the schedule \`reconciliation\`. Lists all subscriptions of the account, 100 a call. Where one differs from what its team knows, the team is read anew and its timeline says \`reconciled\`; one of no team is shown with the parked events.

**You may** cancel it, or trigger the schedule to compare now.`,
  },
};

/** What the schedule of usage's partitions starts. */
export const usageRetentionStart: Start<[]> = {
  type: 'usageRetention',
  options: {
    workflowId: 'usage-retention-run',
    args: [],
    staticSummary: 'Makes partitions of usage ahead, and drops those past retention',
    staticDetails: `Started by the schedule \`usage-retention\`. Makes the partitions of usage events that are needed next, drops those older than \`RETENTION_MONTHS\`, and forgets their keys. Totals and records stay.

**You may** cancel it, or trigger the schedule: what one run leaves, the next does.`,
  },
};
