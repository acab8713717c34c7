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
import { type CloseCounts, percentOf } from '../src/domain/closeProgress.js';
import { forEach } from '../src/domain/forEach.js';
import type { Page } from '../src/domain/page.js';
import { closeByPages } from './closeByPages.js';
import { describeBilling, describeEnd } from './closeSentence.js';
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

/**
 * Closes an ended month. May run again at any time (R32). `begin`: where the run before this one has left it;
 * or `failed`, of a close that has completed: with the records that Stripe has refused, and nothing else.
 */
export async function close(period: string, begin?: Place | 'failed'): Promise<void> {
  let left: Place | undefined;
  try {
    const from =
      begin === 'failed' ? await failedAgain(period) : (begin ?? (await writeBooks(period)));
    if (from !== undefined) left = await billPages(period, from);
    if (left === undefined) await finish(period, 'completed');
  } catch (error) {
    // Steps are tried until they succeed: the period is open, or what was used is not what would be billed, or
    // the close was cancelled, or a page of it terminated.
    const failure = refusalIn(error);
    await CancellationScope.nonCancellable(() => finish(period, 'failed', failure));
    throw error;
  }
  if (left !== undefined) await continueAsNew<typeof close>(period, left);
}

function finish(period: string, status: 'completed' | 'failed', failure?: string): Promise<void> {
  const summary = `Note that ${period} is ${status}`;
  return closing.finishClose.executeWithOptions({ summary }, [period, status, failure]);
}

async function failedAgain(period: string): Promise<Place> {
  await closing.beginClose.executeWithOptions({ summary: `Begin ${period}` }, [period]);
  return { after: '', pages: 0 };
}

/** What is done in the ledger, before anything leaves the house; where billing begins, unless it is done already. */
async function writeBooks(period: string): Promise<Place | undefined> {
  await closing.beginClose.executeWithOptions({ summary: `Begin ${period}` }, [period]);
  await factsApplied(period);
  setCurrentDetails(`${percentOf('seal', 0, 0)} % · seals ${period}`);
  if (!patched('records-set-wise')) {
    await closeByPages(period);
    return undefined;
  }
  const sealing = { summary: `Seal ${period}` };
  const ranges = await closing.sealPeriod.executeWithOptions(sealing, [period]);
  const percent = percentOf('verify', 0, 0);
  setCurrentDetails(`${percent} % · counts the totals against the events`);
  const counting = { summary: `Count the totals of ${period} against the events` };
  await verifying.verifyUsage.executeWithOptions(counting, [period]);
  await inRanges('records', ranges, (range) => {
    const summary = `Write the records of ${range.first} to ${range.last}`;
    return closing.writeRecords.executeWithOptions({ summary }, [period, range]);
  });
  // Mail does not wait for Stripe.
  await inRanges('summaries', ranges, (range) => {
    const summary = `Write the summaries to mail of ${range.first} to ${range.last}`;
    return closing.writeSummaries.executeWithOptions({ summary }, [period, range]);
  });
  setCurrentDetails(`${percentOf('billing', 0, 0)} % · looks for what is at Stripe already`);
  const looking = { summary: 'Look for items that the ledger does not know' };
  await overage().adoptItems.executeWithOptions(looking, [period]);
  return { after: '', pages: 0 };
}

/** Works on all ranges of teams, some at a time, and shows how many are done. */
async function inRanges(
  stage: 'records' | 'summaries',
  ranges: readonly Page[],
  work: (range: Page) => Promise<void>,
): Promise<void> {
  const what = stage === 'records' ? 'the records' : 'the summaries to mail';
  let done = 0;
  const tell = () => {
    const percent = percentOf(stage, done, ranges.length);
    setCurrentDetails(
      `${percent} % · writes ${what} · ${done} of ${ranges.length} ranges of teams are done`,
    );
  };
  tell();
  await forEach(ranges, RANGES, async (range) => {
    await work(range);
    done += 1;
    tell();
  });
}

/** Brings what is due to Stripe, page by page. Where it stopped, when the run had grown long; undefined: all is done. */
async function billPages(period: string, from: Place): Promise<Place | undefined> {
  let { after, pages: done } = from;
  let latest: CloseCounts | undefined;
  const tell = (counts: CloseCounts | undefined) => {
    // Pages end in any order, and answers of before have no counts.
    if (counts === undefined || (latest !== undefined && latest.due < counts.due)) return;
    latest = counts;
    show(describeBilling(counts, new Date()), closeStart(period));
  };
  for (;;) {
    const finding = { summary: 'Find what is to be billed' };
    const { pages, counts } = await closing.pagesToBill.executeWithOptions(finding, [
      period,
      after,
    ]);
    tell(counts);
    const last = pages.at(-1);
    if (last === undefined) {
      if (latest !== undefined) show(describeEnd(period, latest), closeStart(period));
      return undefined;
    }
    const before = done;
    await forEach(pages, PAGES, async (page, index) => {
      tell(await executeChild(billPage, billPageStart(period, before + index + 1, page).options));
      done += 1;
    });
    after = last.last;
    if (workflowInfo().continueAsNewSuggested) return { after, pages: done };
  }
}

/** One page of records; it resumes from the rows that are there. How far the whole close is then. */
export async function billPage(period: string, page: Page): Promise<CloseCounts> {
  setCurrentDetails('Gives Stripe the overage of its teams');
  const bills = { summary: 'Give Stripe the overage' };
  const counts = await overage().billOverage.executeWithOptions(bills, [period, page]);
  setCurrentDetails('All its teams are billed');
  return counts;
}

/** What is wrong with a period that is not closed. */
const refusals: unknown[] = ['UsageMismatch', 'PeriodOpen', 'FuturePeriod'];

/** Why the close stopped by itself; undefined when it did not. */
function refusalIn(error: unknown): string | undefined {
  const { cause } = error instanceof ActivityFailure ? error : {};
  return cause instanceof ApplicationFailure && refusals.includes(cause.type)
    ? cause.message
    : undefined;
}

async function factsApplied(period: string): Promise<void> {
  for (let look = 0; look < LOOKS; look += 1) {
    const behind = await factsBehind(period);
    if (behind === 0) return;
    const minutes = Math.ceil(((LOOKS - look) * LONGEST_WAIT_S) / 60);
    const percent = percentOf('facts', 0, 0);
    setCurrentDetails(
      `${percent} % · waits for ${behind} facts from before the end, ${minutes} min at most`,
    );
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
