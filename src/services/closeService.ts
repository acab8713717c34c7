import { hash } from 'node:crypto';
import { readBillingInputs, readSeals } from '../db/billingInputs.js';
import {
  addRecords,
  beginClose,
  countFactsBefore,
  endClose,
  findClose,
  leaveFactsBehind,
  lockTeams,
  noteRecords,
  noteStage,
  noteTeams,
  noteVerified,
  rangesOfTeams,
  readPast,
  teamsWithoutRecord,
} from '../db/closes.js';
import { type Pool, type Queryable, transaction } from '../db/pool.js';
import { seal } from '../db/seals.js';
import {
  billingsToSummarise,
  insertUsageBillings,
  pagesOfDue,
  retryFailed,
} from '../db/usageBillings.js';
import { findMismatches } from '../db/usageVerification.js';
import type { CloseCounts, CloseStage } from '../domain/closeProgress.js';
import type { Page } from '../domain/page.js';
import { type Period, parsePeriod, periodAt, previousPeriod } from '../domain/period.js';
import { catalogue } from '../domain/plans.js';
import { type BillingInputs, type ComputedRecord, computeRecord } from '../domain/record.js';
import { reportClose } from './closeReport.js';
import { sendMails } from './mails.js';

/** The period has not ended, or not for a minute. */
export class PeriodOpen extends Error {
  override name = 'PeriodOpen';
}

/** The period has not even begun. */
export class FuturePeriod extends Error {
  override name = 'FuturePeriod';
}

/** What the period would be billed from is not what its events add up to. */
export class UsageMismatch extends Error {
  override name = 'UsageMismatch';
}

/** Commits of the open period read no seal, and last up to 30 s: no seal may meet one (R38). */
const SEAL_DELAY_MS = 60_000;

/** Teams that are named where more do not fit their events. */
const NAMED = 20;

/** Teams in a range that is written in one transaction: some hundred milliseconds, and 20 MB. */
const RANGE = 5_000;

/** Records that are put on Stripe by one child workflow: half a minute at Stripe's rate. */
const PAGE = 500;
/** Pages that a close asks for at once. */
const PAGES = 100;

/** The steps of a month's close that are done in the ledger. Each may be repeated at any time (R32). */
export class CloseService {
  constructor(
    private readonly pool: Pool,
    private readonly zone: string,
    private readonly graceMs: number,
    /** Whether operations are told by mail of each run that has ended. */
    private readonly reports = false,
  ) {}

  /** The period that ended last before an instant: what a schedule of that time closes (R7). */
  lastEnded(at: Date): string {
    return previousPeriod(periodAt(at, this.zone), this.zone).id;
  }

  /**
   * The months that a close of `period` closes, oldest first: itself, and those before it that no close is
   * through with and in which somebody has a record (R39). What was used in them is billed in no other
   * (R12). Before the first team came that is usage alone: an older subscription asks for no close.
   */
  async monthsToClose(period: string): Promise<string[]> {
    const { used, closed, firstTeamAt } = await readPast(this.pool, period);
    const earlier = new Set(used);
    let month = previousPeriod(this.period(period), this.zone);
    while (firstTeamAt !== null && firstTeamAt < month.end) {
      earlier.add(month.id);
      month = previousPeriod(month, this.zone);
    }
    return [...earlier.difference(new Set(closed))].toSorted().concat(period);
  }

  /** Throws `PeriodOpen`, or `FuturePeriod`. */
  requireEnded(period: string, now: Date): void {
    const { start, end } = this.period(period);
    if (start > now) throw new FuturePeriod(`${period} has not begun.`);
    if (end.getTime() + SEAL_DELAY_MS > now.getTime()) {
      throw new PeriodOpen(`${period} can be closed a minute after it has ended.`);
    }
  }

  async begin(period: string, now: Date): Promise<void> {
    await beginClose(this.pool, period, now);
    await noteRecords(this.pool, period);
  }

  /** Facts that came before the period's end and the grace, and that Temporal has not taken (R39). */
  async factsBehind(period: string): Promise<number> {
    const cutoff = new Date(this.period(period).end.getTime() + this.graceMs);
    return countFactsBefore(this.pool, cutoff);
  }

  /** Notes in the close's progress that it goes on without these facts (R39). */
  async leaveBehind(period: string, facts: number): Promise<void> {
    await leaveFactsBehind(this.pool, period, facts);
  }

  /** Seals the period, unless it is already, and gives ranges of the teams that have a record (R38, R39). */
  async seal(period: string, now: Date): Promise<Page[]> {
    this.requireEnded(period, now);
    await this.reach(period, 'seal', now);
    await transaction(this.pool, (db) => seal(db, period, now));
    await noteTeams(this.pool, this.period(period));
    return rangesOfTeams(this.pool, this.period(period), RANGE);
  }

  /**
   * Counts the totals of the sealed period against its events, for the teams that have no record yet, and so
   * those of each earlier one whose records this close may write. Throws `UsageMismatch`, which names teams
   * and both figures: nothing may be billed from them.
   */
  async verify(period: string, now: Date): Promise<void> {
    await this.reach(period, 'verify', now);
    for (const month of await readSeals(this.pool, period)) {
      if (month.period !== period && (month.recorded || month.verified)) continue;
      await this.requireFit(this.pool, month.period);
      await noteVerified(this.pool, month.period, now);
    }
  }

  private async requireFit(db: Queryable, period: string): Promise<void> {
    const { count, mismatches } = await findMismatches(db, this.period(period), NAMED);
    if (count === 0) return;
    const named = mismatches.map(
      ({ teamId, period: month, inTotals, inEvents }) =>
        `${teamId} has ${inTotals} tokens of ${month} in its totals, ${inEvents} in its events`,
    );
    const more = count > NAMED ? `; and ${count - NAMED} more` : '';
    throw new UsageMismatch(`${period} is not billed: ${named.join('; ')}${more}`);
  }

  async end(
    period: string,
    status: 'completed' | 'failed',
    now: Date,
    failure: string | null = null,
  ): Promise<void> {
    await transaction(this.pool, async (db) => {
      const ended = await endClose(db, { period, status, at: now, failure });
      if (this.reports) await reportClose(db, ended);
    });
  }

  /** Notes when this run of the close has come to a stage; the first time counts. */
  async reach(period: string, stage: CloseStage, now: Date): Promise<void> {
    await noteStage(this.pool, period, stage, now);
  }

  /**
   * Computes and writes the records of a range; those that are there stay as they are (R33). Where an
   * earlier period is sealed and its close not through, its records come first: without them all of
   * that period would look late, and be billed twice. Throws `UsageMismatch` where that one does not fit
   * its events: it may have been sealed since this close has counted.
   */
  async writeRecords(period: string, page: Page): Promise<void> {
    await transaction(this.pool, async (db) => {
      await lockTeams(db, page);
      const seals = await readSeals(db, period);
      if (seals.at(-1)?.period !== period) throw new Error(`${period} is not sealed`);
      const months = seals.map((seal) => ({ ...seal, ...this.period(seal.period) }));
      for (const [index, month] of months.entries()) {
        if (month.id !== period) {
          if (month.recorded) continue;
          if (!month.verified) await this.requireFit(db, month.id);
        }
        await this.writeMonth(db, month, months.slice(0, index), page);
      }
    });
  }

  private async writeMonth(
    db: Queryable,
    month: Period & { sealedAt: Date },
    earlier: readonly Period[],
    page: Page,
  ): Promise<void> {
    const teamIds = await teamsWithoutRecord(db, month, page);
    if (teamIds.length === 0) return;
    const inputsOf = await readBillingInputs(db, month, earlier, page);
    const billings = teamIds.map((teamId) => {
      const inputs = inputsOf(teamId);
      const record = computeRecord(inputs, catalogue);
      const digest = digestOf(teamId, inputs, record);
      return { teamId, record, inputs, watermark: month.sealedAt, digest };
    });
    await insertUsageBillings(db, billings);
    const overage = billings.reduce((sum, { record }) => sum + record.overageCost, 0);
    await addRecords(db, month.id, { count: billings.length, overage });
  }

  /** Writes the summary mails of a range, one for each team and period (R32). */
  async writeSummaries(period: string, page: Page, now: Date): Promise<void> {
    await transaction(this.pool, async (db) => {
      const records = await billingsToSummarise(db, this.period(period), page);
      const mails = records.map(({ teamId, plan, usedTokens, tokenLimit, lines, amountDue }) => ({
        teamId,
        kind: 'monthly-summary',
        cause: period,
        details: { period, plan, usedTokens, tokenLimit, lines, amountDue },
      }));
      await sendMails(db, mails, now.toISOString());
    });
  }

  /**
   * Begins to put records on Stripe, those that have failed once more: what was wrong may be right by now.
   * From here on a record that fails waits for an operator.
   */
  async beginBilling(period: string, now: Date): Promise<void> {
    await transaction(this.pool, async (db) => {
      await retryFailed(db, period);
      await noteStage(db, period, 'billing', now);
      await noteRecords(db, period);
    });
  }

  /** How far the close is. Throws where it has never begun. */
  async counts(period: string): Promise<CloseCounts> {
    const close = await findClose(this.pool, period);
    if (close === undefined) throw new Error(`the close of ${period} has not begun`);
    return close.counts;
  }

  /** The next pages of records that are to be put on Stripe, after a team. */
  async pagesToBill(period: string, after: string): Promise<Page[]> {
    return pagesOfDue(this.pool, period, after, { size: PAGE, pages: PAGES });
  }

  /** Throws where it is none. */
  period(id: string): Period {
    const period = parsePeriod(id, this.zone);
    if (period === undefined) throw new Error(`${id} is no period`);
    return period;
  }
}

/** Stands for the inputs of a record: a record whose inputs were tampered with does not fit it (R33). */
export function digestOf(teamId: string, inputs: BillingInputs, record: ComputedRecord): string {
  const text = JSON.stringify([teamId, record.planVersion, inputs, record.amountDue]);
  return hash('sha256', text);
}
