import { defineSearchAttributeKey, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  continueAsNew,
  executeChild,
  ParentClosePolicy,
  patched,
  setCurrentDetails,
  sleep,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { forEach } from '../src/domain/forEach.js';
import type { Page } from '../src/domain/page.js';
import { closeByPages } from './closeByPages.js';
import { closing, overage, verifying } from './proxies.js';

/** Ranges of teams that are written at once: Postgres and the worker take turns. */
const RANGES = 2;
/** Pages under way at once: Stripe's rate limit, not their number, is what bounds a close. */
const PAGES = 4;
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

/** How far a close has come with the pages of records that go to Stripe. */
interface Place {
  /** The last team of the pages that are done. */
  after: string;
  /** How many these are. */
  pages: number;
}

/** Closes an ended month. May run again at any time (R32). `place`: where the run before this one has left it. */
export async function close(period: string, place?: Place): Promise<void> {
  let left: Place | undefined;
  try {
    const from = place ?? (await writeBooks(period));
    if (from !== undefined) left = await billPages(period, from);
    if (left === undefined) await closing.finishClose(period, 'completed');
  } catch (error) {
    // Steps are tried until they succeed: what was used is not what would be billed, or the close was
    // cancelled, or a page of it terminated.
    const failure = mismatchIn(error);
    await CancellationScope.nonCancellable(() => closing.finishClose(period, 'failed', failure));
    throw error;
  }
  if (left !== undefined) await continueAsNew<typeof close>(period, left);
}

/** What is done in the ledger, before anything leaves the house; where billing begins, unless it is done already. */
async function writeBooks(period: string): Promise<Place | undefined> {
  await closing.beginClose(period);
  await factsApplied(period);
  setCurrentDetails('Sealing the period');
  if (!patched('records-set-wise')) {
    await closeByPages(period);
    return undefined;
  }
  const ranges = await closing.sealPeriod(period);
  setCurrentDetails('Counting the totals against the events');
  await verifying.verifyUsage(period);
  setCurrentDetails(`Writing the records of ${ranges.length} ranges of teams`);
  await forEach(ranges, RANGES, (range) => closing.writeRecords(period, range));
  // Mail does not wait for Stripe.
  setCurrentDetails(`Writing the mails of ${ranges.length} ranges of teams`);
  await forEach(ranges, RANGES, (range) => closing.writeSummaries(period, range));
  setCurrentDetails('Looking for what is at Stripe already');
  await overage().adoptItems(period);
  return { after: '', pages: 0 };
}

/** Brings what is due to Stripe, page by page. Where it stopped, when the run had grown long; undefined: all is done. */
async function billPages(period: string, from: Place): Promise<Place | undefined> {
  let { after, pages: done } = from;
  for (;;) {
    const { pages, total } = await closing.pagesToBill(period, after);
    const last = pages.at(-1);
    if (last === undefined) return undefined;
    const [before, of] = [done, done + total];
    await forEach(pages, PAGES, async (page, index) => {
      setCurrentDetails(`${done} of ${of} pages of records are at Stripe`);
      await executeChild(billPage, {
        workflowId: `close:${period}:${before + index + 1}`,
        args: [period, page],
        staticSummary: `Teams ${page.first} to ${page.last}`,
      });
      done += 1;
    });
    after = last.last;
    if (workflowInfo().continueAsNewSuggested) return { after, pages: done };
  }
}

/** One page of records; it resumes from the rows that are there. */
export async function billPage(period: string, page: Page): Promise<void> {
  await overage().billOverage(period, page);
}

/** Why the close stopped by itself; undefined when it did not. */
function mismatchIn(error: unknown): string | undefined {
  const { cause } = error instanceof ActivityFailure ? error : {};
  return cause instanceof ApplicationFailure && cause.type === 'UsageMismatch'
    ? cause.message
    : undefined;
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
