import { defineSearchAttributeKey, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  CancellationScope,
  executeChild,
  ParentClosePolicy,
  setCurrentDetails,
  sleep,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { Page } from '../src/domain/page.js';
import { closing, overage } from './proxies.js';

/** Pages under way at once: Stripe's rate limit, not their number, is what bounds a close. */
const WINDOW = 4;
/** A close waits an hour for facts that are on their way (R39): each time a second longer, up to ten. */
const LOOKS = 364;
const LONGEST_WAIT_S = 10;

const scheduledAt = defineSearchAttributeKey('TemporalScheduledStartTime', 'DATETIME');

/**
 * What the schedule starts: schedules add a time to the ids of what they start, so this one starts
 * `close:<period>` for the month that ended, and for each before it that nobody has closed (R12).
 */
export async function monthlyCloseRun(): Promise<void> {
  const { typedSearchAttributes, startTime } = workflowInfo();
  const at = typedSearchAttributes.get(scheduledAt) ?? startTime;
  for (const period of await closing.monthsToClose(at.toISOString())) await startOrJoin(period);
}

/** Leaves alone the close that runs already. */
async function startOrJoin(period: string): Promise<void> {
  try {
    await startChild(close, {
      workflowId: `close:${period}`,
      args: [period],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `Close of ${period}`,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** Closes an ended month. May run again at any time (R32). */
export async function close(period: string): Promise<void> {
  try {
    await closing.beginClose(period);
    await closeMonth(period);
    await closing.finishClose(period, 'completed');
  } catch (error) {
    // Steps are tried until they succeed: this close, or a page of it, was cancelled or terminated.
    await CancellationScope.nonCancellable(() => closing.finishClose(period, 'failed'));
    throw error;
  }
}

/** Seals the month, then bills it page by page. */
async function closeMonth(period: string): Promise<void> {
  await factsApplied(period);
  setCurrentDetails('Sealing the period');
  const pages = await closing.sealPeriod(period);
  let done = 0;
  const waiting = pages.map((page, index) => ({ page, number: index + 1 }));
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { page, number } = next;
      await executeChild(closePage, {
        workflowId: `close:${period}:${number}`,
        args: [period, page],
        staticSummary: `Teams ${page.first} to ${page.last}`,
      });
      done += 1;
      setCurrentDetails(`${done} of ${pages.length} pages of teams are billed`);
    }
  };
  await Promise.all(Array.from({ length: WINDOW }, work));
}

/** One page of teams; each step resumes from the rows that are there. Mail does not wait for Stripe. */
export async function closePage(period: string, page: Page): Promise<void> {
  await closing.writeRecords(period, page);
  await closing.writeSummaries(period, page);
  await overage.billOverage(period, page);
}

async function factsApplied(period: string): Promise<void> {
  for (let look = 0; look < LOOKS; look += 1) {
    const behind = await closing.factsBehind(period);
    if (behind === 0) return;
    setCurrentDetails(`Waits for ${behind} facts that came before the end`);
    const seconds = Math.min(look + 1, LONGEST_WAIT_S);
    await sleep(seconds * 1_000, { summary: 'facts on their way' });
  }
  await closing.leaveFactsBehind(period, await closing.factsBehind(period));
}
