import type { Client } from '@temporalio/client';
import { beginClose, type Close, findClose } from '../db/closes.js';
import type { Pool } from '../db/pool.js';
import type { CloseService } from './closeService.js';
import { requireTemporal } from './temporalUnavailable.js';

/** Starts closes on Temporal, and tells how far they are. */
export class CloseStarter {
  constructor(
    private readonly client: Client,
    private readonly pool: Pool,
    private readonly closes: CloseService,
    private readonly taskQueue: string,
  ) {}

  /**
   * Starts the close of an ended period, or joins the one that runs. Throws `PeriodOpen`,
   * `FuturePeriod` and `TemporalUnavailable`.
   */
  async start(period: string, now: Date): Promise<void> {
    this.closes.requireEnded(period, now);
    await requireTemporal(this.client);
    await this.client.workflow.start('close', {
      workflowId: `close:${period}`,
      workflowIdConflictPolicy: 'USE_EXISTING',
      taskQueue: this.taskQueue,
      args: [period],
      staticSummary: `Close of ${period}`,
    });
    if ((await findClose(this.pool, period)) === undefined) {
      await beginClose(this.pool, period, now);
    }
  }

  /** undefined: nobody has started it. */
  async find(period: string): Promise<Close | undefined> {
    return findClose(this.pool, period);
  }
}
