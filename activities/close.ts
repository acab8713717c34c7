import { ApplicationFailure, activityInfo, cancellationSignal } from '@temporalio/activity';
import type { CloseCounts } from '../src/domain/closeProgress.js';
import type { Page } from '../src/domain/page.js';
import {
  CloseService,
  FuturePeriod,
  PeriodOpen,
  UsageMismatch,
} from '../src/services/closeService.js';
import { OverageService } from '../src/services/overageService.js';
import { alive } from './alive.js';
import type { ActivityDependencies } from './dependencies.js';
import { now } from './now.js';
import { answered } from './stripe.js';

export function closeActivities({
  pool,
  stripe,
  pacedStripe,
  zone,
  closeGraceMs,
  operationsEmail,
  stopping,
}: ActivityDependencies) {
  const closes = new CloseService(pool, zone, closeGraceMs, operationsEmail !== undefined);
  const overage = new OverageService(pool, stripe);
  const bulk = new OverageService(pool, pacedStripe);
  return {
    /** The months that a run of the schedule closes, by its scheduled time, never by the clock (R7). */
    async monthsToClose(scheduledAt: string): Promise<string[]> {
      return closes.monthsToClose(closes.lastEnded(new Date(scheduledAt)));
    },

    async beginClose(period: string): Promise<void> {
      await closes.begin(period, now());
    },

    async factsBehind(period: string): Promise<number> {
      return closes.factsBehind(period);
    },

    async leaveFactsBehind(period: string, facts: number): Promise<void> {
      await closes.leaveBehind(period, facts);
    },

    async sealPeriod(period: string): Promise<Page[]> {
      return orRefused(() => closes.seal(period, now()));
    },

    async verifyUsage(period: string): Promise<void> {
      await orRefused(() => alive(() => closes.verify(period, now())));
    },

    async writeRecords(period: string, page: Page): Promise<void> {
      await closes.reach(period, 'records', now());
      await orRefused(() => closes.writeRecords(period, page));
    },

    /** After '' billing begins. */
    async pagesToBill(
      period: string,
      after: string,
    ): Promise<{ pages: Page[]; counts: CloseCounts }> {
      if (after === '') await closes.beginBilling(period, now());
      const pages = await closes.pagesToBill(period, after);
      return { pages, counts: await closes.counts(period) };
    },

    /** Looks for what is on Stripe already, unknown to the ledger (R34). */
    async adoptItems(period: string): Promise<void> {
      await answered(() => bulk.adoptItems(closes.period(period)));
    },

    /**
     * Ends between some teams when the close is cancelled or the worker stops; another goes on there. How
     * far the whole close is then.
     */
    async billOverage(period: string, page: Page): Promise<CloseCounts> {
      const ending = AbortSignal.any([cancellationSignal(), stopping]);
      const { attempt } = activityInfo();
      const between = () => ending.throwIfAborted();
      await answered(() => bulk.billPage(period, page, { attempt, between }));
      return closes.counts(period);
    },

    /** Looks after a team's records that wait for an invoice (R34). */
    async settleUsage(teamId: string): Promise<void> {
      await answered(() => overage.settle(teamId));
    },

    async writeSummaries(period: string, page: Page): Promise<void> {
      await closes.reach(period, 'summaries', now());
      await closes.writeSummaries(period, page, now());
    },

    async finishClose(
      period: string,
      status: 'completed' | 'failed',
      failure?: string,
    ): Promise<void> {
      await closes.end(period, status, now(), failure);
    },
  };
}

/** What is wrong with the period is no outage: asked again, it would be found again. */
async function orRefused<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const isOfPeriod =
      error instanceof UsageMismatch ||
      error instanceof PeriodOpen ||
      error instanceof FuturePeriod;
    if (!isOfPeriod) throw error;
    throw ApplicationFailure.nonRetryable(error.message, error.name);
  }
}
