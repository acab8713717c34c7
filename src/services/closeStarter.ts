import { setTimeout } from 'node:timers/promises';
import {
  type Client,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
} from '@temporalio/client';
import { closeStart } from '../../workflows/starts.js';
import { type Close, findClose, reopenClose } from '../db/closes.js';
import type { Pool } from '../db/pool.js';
import type { CloseService } from './closeService.js';
import { requireTemporal, TemporalUnavailable } from './temporalUnavailable.js';

/** Longer than a healthy Temporal ever takes. */
const START_WITHIN_MS = 5_000;

/** How long a run may take to end that has noted its end in the ledger, and how often it is looked for. */
const END_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 50;

/** Only what a completed close has left may be billed apart: before that, all of it is. */
export class CloseNotCompleted extends Error {
  override name = 'CloseNotCompleted';
  constructor(period: string) {
    super(
      `R32: the close of ${period} has not completed; closed again, it bills what has failed too.`,
    );
  }
}

/** Starts closes on Temporal, and tells how far they are. */
export class CloseStarter {
  constructor(
    private readonly client: Client,
    private readonly pool: Pool,
    private readonly closes: CloseService,
    private readonly taskQueue: string,
  ) {}

  /**
   * Starts the close of an ended period, or joins the one that runs, and before it those of earlier
   * ones that nobody has closed (R12). Throws `PeriodOpen`, `FuturePeriod` and `TemporalUnavailable`.
   */
  async start(period: string, now: Date): Promise<void> {
    this.closes.requireEnded(period, now);
    await requireTemporal(this.client);
    for (const month of await this.closes.monthsToClose(period)) await this.startOne(month, now);
  }

  /**
   * Bills the records of a completed close that have failed again, and does nothing else. Throws
   * `CloseNotCompleted` and `TemporalUnavailable`.
   */
  async retryFailed(period: string, now: Date): Promise<void> {
    const close = await findClose(this.pool, period);
    if (close?.status !== 'completed') throw new CloseNotCompleted(period);
    await requireTemporal(this.client);
    await this.startOne(period, now, 'failed');
  }

  /** undefined: nobody has started it. */
  async find(period: string): Promise<Close | undefined> {
    return findClose(this.pool, period);
  }

  private async startOne(period: string, now: Date, begin?: 'failed'): Promise<void> {
    const deadline = Date.now() + END_WITHIN_MS;
    for (;;) {
      const before = await findClose(this.pool, period);
      const started = await this.startOrJoin(period, begin);
      const known = started ? before : await findClose(this.pool, period);
      // Whoever asks next must not read the end of an earlier run for the end of this one.
      if (started || known === undefined) {
        return reopenClose(this.pool, period, now, known?.finishedAt ?? null);
      }
      if (known.finishedAt === null) return;
      // The run has noted its end, and has not ended yet: it does nothing for whoever joins it.
      if (Date.now() > deadline) {
        const detail =
          'The last run of the close has not ended yet; asked again, it is started anew.';
        throw new TemporalUnavailable(detail);
      }
      await setTimeout(LOOK_EVERY_MS);
    }
  }

  /** Whether it was started; false: it ran already. */
  private async startOrJoin(period: string, begin?: 'failed'): Promise<boolean> {
    const { type, options } = closeStart(period, begin);
    try {
      await this.client.withDeadline(Date.now() + START_WITHIN_MS, () =>
        this.client.workflow.start(type, { ...options, taskQueue: this.taskQueue }),
      );
      return true;
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
      if (error instanceof ServiceError) {
        const detail = 'Temporal went away meanwhile; asked again, the close is started or joined.';
        throw new TemporalUnavailable(detail, { cause: error });
      }
      throw error;
    }
  }
}
