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
import { show } from './details.js';
import { closing, overage, verifying } from './proxies.js';
import { billPageStart, closeStart } from './starts.js';

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
  const summary = 'Find the months that nobody has closed';
  setCurrentDetails(summary);
  const months = await closing.monthsToClose.executeWithOptions({ summary }, [at.toISOString()]);
  for (const period of months) await startOrJoin(period);
  setCurrentDetails(`Closes ${months.join(', ') || 'none'}`);
}

/** Leaves alone the close that runs already. */
async function startOrJoin(period: string): Promise<void> {
  try {
    await startChild(close, {
      ...closeStart(period).options,
      parentClosePolicy: ParentClosePolicy.ABANDON,
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
    if (left === undefined) await finish(period, 'completed');
  } catch (error) {
    // Steps are tried until they succeed: what was used is not what would be billed, or the close was
    // cancelled, or a page of it terminated.
    const failure = mismatchIn(error);
    await CancellationScope.nonCancellable(() => finish(period, 'failed', failure));
    throw error;
  }
  if (left !== undefined) await continueAsNew<typeof close>(period, left);
}

function finish(period: string, status: 'completed' | 'failed', failure?: string): Promise<void> {
  const summary = `Note that ${period} is ${status}`;
  return closing.finishClose.executeWithOptions({ summary }, [period, status, failure]);
}

/** What is done in the ledger, before anything leaves the house; where billing begins, unless it is done already. */
async function writeBooks(period: string): Promise<Place | undefined> {
  await closing.beginClose.executeWithOptions({ summary: `Begin ${period}` }, [period]);
  await factsApplied(period);
  setCurrentDetails(`Seals ${period}`);
  if (!patched('records-set-wise')) {
    await closeByPages(period);
    return undefined;
  }
  const sealing = { summary: `Seal ${period}` };
  const ranges = await closing.sealPeriod.executeWithOptions(sealing, [period]);
  setCurrentDetails('Counts the totals against the events');
  const counting = { summary: `Count the totals of ${period} against the events` };
  await verifying.verifyUsage.executeWithOptions(counting, [period]);
  setCurrentDetails(`Writes the records of ${ranges.length} ranges of teams`);
  await forEach(ranges, RANGES, (range) => {
    const summary = `Write the records of ${range.first} to ${range.last}`;
    return closing.writeRecords.executeWithOptions({ summary }, [period, range]);
  });
  // Mail does not wait for Stripe.
  setCurrentDetails(`Writes the summaries to mail of ${ranges.length} ranges of teams`);
  await forEach(ranges, RANGES, (range) => {
    const summary = `Write the summaries to mail of ${range.first} to ${range.last}`;
    return closing.writeSummaries.executeWithOptions({ summary }, [period, range]);
  });
  setCurrentDetails('Looks for what is at Stripe already');
  const looking = { summary: 'Look for items that the ledger does not know' };
  await overage().adoptItems.executeWithOptions(looking, [period]);
  return { after: '', pages: 0 };
}

/** Brings what is due to Stripe, page by page. Where it stopped, when the run had grown long; undefined: all is done. */
async function billPages(period: string, from: Place): Promise<Place | undefined> {
  let { after, pages: done } = from;
  for (;;) {
    const finding = { summary: 'Find what is to be billed' };
    const { pages, total } = await closing.pagesToBill.executeWithOptions(finding, [period, after]);
    const last = pages.at(-1);
    if (last === undefined) return undefined;
    const [before, of] = [done, done + total];
    await forEach(pages, PAGES, async (page, index) => {
      show(`${done} of ${of} pages of records are at Stripe`, closeStart(period));
      await executeChild(billPage, billPageStart(period, before + index + 1, page).options);
      done += 1;
    });
    after = last.last;
    if (workflowInfo().continueAsNewSuggested) return { after, pages: done };
  }
}

/** One page of records; it resumes from the rows that are there. */
export async function billPage(period: string, page: Page): Promise<void> {
  setCurrentDetails('Gives Stripe the overage of its teams');
  const bills = { summary: 'Give Stripe the overage' };
  await overage().billOverage.executeWithOptions(bills, [period, page]);
  setCurrentDetails('All its teams are billed');
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
    const behind = await factsBehind(period);
    if (behind === 0) return;
    const minutes = Math.ceil(((LOOKS - look) * LONGEST_WAIT_S) / 60);
    setCurrentDetails(`Waits for ${behind} facts from before the end, ${minutes} min at most`);
    const seconds = Math.min(look + 1, LONGEST_WAIT_S);
    await sleep(seconds * 1_000, { summary: 'facts on their way' });
  }
  const summary = 'Go on without them';
  const left = await factsBehind(period);
  await closing.leaveFactsBehind.executeWithOptions({ summary }, [period, left]);
}

function factsBehind(period: string): Promise<number> {
  const summary = `Count facts from before the end of ${period}`;
  return closing.factsBehind.executeWithOptions({ summary }, [period]);
}
