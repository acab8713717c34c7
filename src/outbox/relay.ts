import pg from 'pg';
import type { Logger } from 'pino';
import {
  type ClaimedFact,
  claimFacts,
  deleteFacts,
  OUTBOX_CHANNEL,
  type OutboxFact,
  postponeFacts,
} from '../db/outbox.js';
import type { Pool } from '../db/pool.js';

/** Hands facts to a workflow, which is started where it does not run. Idempotent by the facts' ids. */
export type Deliver = (workflowId: string, facts: readonly OutboxFact[]) => Promise<void>;

/** Workflows in hand at once: enough to keep Temporal busy, few enough to be signalled within the lease. */
const WORKFLOWS = 32;
/** Places that are free before more is claimed after a delivery: one at a time would be one query each. */
const FREE = WORKFLOWS / 4;
/** Longer than any delivery may take: another relay takes over what this one held when it died. */
const LEASE_SECONDS = 30;
/** How often to look without being woken: for postponed facts, and in case a notification was lost. */
const LOOK_AGAIN_MS = 1_000;
/** A relay that can't deliver looks less often than postponed facts come up: one that can is first. */
const LOOK_AGAIN_LATER_MS = 2_000;

/**
 * Brings facts from the outbox to Temporal, at least once each. One that can't be delivered is tried
 * again later and delays no other workflow.
 */
export class Relay {
  private readonly closing = new AbortController();
  /** The deliveries under way, by workflow: one that hangs takes one place, and no other waits for it. */
  private readonly inHand = new Map<string, Promise<void>>();
  private resume: () => void = () => {};
  private listener: pg.Client | undefined;
  private running: Promise<void> | undefined;
  private canRead = true;
  private canDeliver = true;

  constructor(
    private readonly pool: Pool,
    private readonly databaseUrl: string,
    private readonly deliver: Deliver,
    private readonly log: Logger,
  ) {}

  start(): void {
    this.running = this.run();
  }

  /** Whether the outbox could be read and the last delivery went through. */
  get isUp(): boolean {
    return this.running !== undefined && this.canRead && this.canDeliver;
  }

  /** Looks at once for what was committed just now. */
  wake(): void {
    this.resume();
  }

  /** Ends after the deliveries under way. */
  async close(): Promise<void> {
    this.closing.abort();
    this.wake();
    await this.running;
    await Promise.all(this.inHand.values());
    await this.listener?.end();
  }

  private async run(): Promise<void> {
    while (!this.closing.signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.resume = resolve;
      });
      try {
        await this.listen();
        await this.takeWaiting();
        this.canRead = true;
      } catch (error) {
        this.canRead = false;
        this.log.error({ err: error }, 'the outbox could not be read');
      }
      let timer: NodeJS.Timeout | undefined;
      const pause = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, this.canDeliver ? LOOK_AGAIN_MS : LOOK_AGAIN_LATER_MS);
      });
      await Promise.race([woken, pause]);
      clearTimeout(timer);
    }
  }

  private async takeWaiting(): Promise<void> {
    while (this.free > 0) {
      const inHand = [...this.inHand.keys()];
      const claimed = await claimFacts(this.pool, this.free, LEASE_SECONDS, inHand);
      if (claimed.size === 0) break;
      for (const [workflowId, facts] of claimed) {
        const delivery = this.settle(workflowId, facts).finally(() => {
          this.inHand.delete(workflowId);
          if (this.canDeliver && this.free >= FREE) this.wake();
        });
        this.inHand.set(workflowId, delivery);
      }
    }
  }

  private get free(): number {
    return WORKFLOWS - this.inHand.size;
  }

  /** Acts go after the hints, lest one that no worker takes has those told again and again. */
  private async settle(workflowId: string, claimed: readonly ClaimedFact[]): Promise<void> {
    const { hint = [], act = [] } = Object.groupBy(claimed, ({ fact }) => fact.kind);
    if (hint.length > 0) await this.settleTogether(workflowId, hint);
    if (act.length > 0) await this.settleTogether(workflowId, act);
  }

  /** Delivers facts or postpones them; where Postgres can't be told, they come up again with their lease's end. */
  private async settleTogether(workflowId: string, facts: readonly ClaimedFact[]): Promise<void> {
    const ids = facts.map(({ id }) => id);
    try {
      await this.deliver(
        workflowId,
        facts.map(({ fact }) => fact),
      );
      await deleteFacts(this.pool, ids);
      this.canDeliver = true;
    } catch (error) {
      // That no worker takes an act says nothing of Temporal.
      if (facts.some(({ fact }) => fact.kind === 'hint')) this.canDeliver = false;
      this.log.warn({ err: error, workflowId }, 'facts could not be delivered');
      await postponeFacts(this.pool, ids).catch((failure: unknown) =>
        this.log.error({ err: failure, workflowId }, 'facts could not be postponed'),
      );
    }
  }

  /** Hears of new facts of every process; connects anew when the connection was lost. */
  private async listen(): Promise<void> {
    if (this.listener !== undefined) return;
    const listener = new pg.Client({
      connectionString: this.databaseUrl,
      connectionTimeoutMillis: 5_000,
    });
    const lost = () => {
      if (this.listener === listener) this.listener = undefined;
    };
    listener.on('error', lost);
    listener.on('end', lost);
    listener.on('notification', () => this.wake());
    await listener.connect();
    await listener.query(`listen ${OUTBOX_CHANNEL}`);
    this.listener = listener;
  }
}
