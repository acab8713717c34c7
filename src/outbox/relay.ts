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

/** Hands a fact to a workflow, which is started where it does not run. Idempotent by the fact's id. */
export type Deliver = (workflowId: string, fact: OutboxFact) => Promise<void>;

/** Workflows in hand at once: enough to keep Temporal busy, few enough to be signalled within the lease. */
const WORKFLOWS = 20;
/** Longer than any delivery may take: another relay takes over what this one held when it died. */
const LEASE_SECONDS = 30;
/** How often to look without being woken: for postponed facts, and in case a notification was lost. */
const LOOK_AGAIN_MS = 1_000;

/**
 * Brings facts from the outbox to Temporal, at least once each. One that can't be delivered is tried
 * again later and delays no other workflow.
 */
export class Relay {
  private readonly closing = new AbortController();
  private wake: () => void = () => {};
  private listener: pg.Client | undefined;
  private running: Promise<void> | undefined;
  private lastPassFailed = false;

  constructor(
    private readonly pool: Pool,
    private readonly databaseUrl: string,
    private readonly deliver: Deliver,
    private readonly log: Logger,
  ) {}

  start(): void {
    this.running = this.run();
  }

  /** Whether the last pass found the outbox and could deliver all that it took. */
  get isUp(): boolean {
    return this.running !== undefined && !this.lastPassFailed;
  }

  /** Ends after the pass under way. */
  async close(): Promise<void> {
    this.closing.abort();
    this.wake();
    await this.running;
    await this.listener?.end();
  }

  private async run(): Promise<void> {
    while (!this.closing.signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      try {
        await this.listen();
        if (await this.pass()) continue;
      } catch (error) {
        this.lastPassFailed = true;
        this.log.error({ err: error }, 'the outbox could not be read');
      }
      let timer: NodeJS.Timeout | undefined;
      const pause = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, LOOK_AGAIN_MS);
      });
      await Promise.race([woken, pause]);
      clearTimeout(timer);
    }
  }

  /** Delivers what waits; whether there was anything. */
  private async pass(): Promise<boolean> {
    const claimed = await claimFacts(this.pool, WORKFLOWS, LEASE_SECONDS);
    const delivered = await Promise.all(
      [...claimed].map(([workflowId, facts]) => this.deliverAll(workflowId, facts)),
    );
    this.lastPassFailed = delivered.includes(false);
    return claimed.size > 0;
  }

  private async deliverAll(workflowId: string, facts: readonly ClaimedFact[]): Promise<boolean> {
    const done: number[] = [];
    try {
      for (const { id, fact } of facts) {
        await this.deliver(workflowId, fact);
        done.push(id);
      }
      return true;
    } catch (error) {
      this.log.warn({ err: error, workflowId }, 'facts could not be delivered');
      await postponeFacts(
        this.pool,
        facts.map(({ id }) => id),
      );
      return false;
    } finally {
      await deleteFacts(this.pool, done);
    }
  }

  /** Hears of new facts of every process; connects anew when the connection was lost. */
  private async listen(): Promise<void> {
    if (this.listener !== undefined) return;
    const listener = new pg.Client({ connectionString: this.databaseUrl });
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
