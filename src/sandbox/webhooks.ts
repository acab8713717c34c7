import Stripe from 'stripe';
import type { Store } from './store.js';

const FIRST_RETRY_MS = 500;
const LONGEST_WAIT_MS = 60_000;
const GIVE_UP_MS = 3 * 24 * 3600 * 1000;
const TIMEOUT_MS = 10_000;
const CONCURRENCY = 8;

export interface Endpoint {
  url: string;
  secret: string;
}
interface Delivery {
  attempts: number;
  status: 'pending' | 'delivered' | 'given_up';
  /** What the endpoint last answered; null when it did not. */
  lastAnswer: number | null;
}

/** Sends events to the webhook endpoint, signed, oldest first, again and again until it answers 2xx. */
export class Webhooks {
  paused = false;
  private readonly underWay = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private readonly stopping = new AbortController();

  constructor(
    private readonly store: Store,
    public endpoint: Endpoint | null,
  ) {
    store.database.exec(
      `create table if not exists deliveries (
         seq integer primary key autoincrement, id text not null unique, attempts integer not null default 0,
         since integer not null, next_at integer not null, status text not null default 'pending', last_answer integer);
       create index if not exists deliveries_next on deliveries (status, next_at);`,
    );
  }

  /** Queues an event; says whether there is an endpoint that wants it. */
  queue(id: string): boolean {
    if (!this.endpoint && !this.paused) return false;
    const now = Date.now();
    this.store
      .prepare(
        `insert into deliveries (id, since, next_at) values (?, ?, ?)
         on conflict (id) do update set status = 'pending', attempts = 0, since = excluded.since, next_at = excluded.next_at`,
      )
      .run(id, now, now);
    return true;
  }

  /** The ids of the events that are on their way. */
  pending(): string[] {
    const rows = this.store.prepare("select id from deliveries where status = 'pending'").all();
    return rows.map(({ id }) => String(id));
  }

  delivery(id: string): Delivery | null {
    const row = this.store
      .prepare('select attempts, status, last_answer from deliveries where id = ?')
      .get(id);
    return row
      ? {
          attempts: Number(row.attempts),
          status: row.status as Delivery['status'],
          lastAnswer: row.last_answer === null ? null : Number(row.last_answer),
        }
      : null;
  }

  /** Sends whatever is due, and comes back when the next one is. */
  wake(): void {
    clearTimeout(this.timer);
    const { endpoint } = this;
    if (!endpoint || this.paused || this.stopping.signal.aborted) return;
    const waiting = this.store
      .prepare(
        "select id, next_at from deliveries where status = 'pending' order by next_at, seq limit ?",
      )
      .all(2 * CONCURRENCY)
      .filter(({ id }) => !this.underWay.has(String(id)));
    for (const { id, next_at } of waiting) {
      if (this.underWay.size >= CONCURRENCY) return;
      const wait = Number(next_at) - Date.now();
      if (wait > 0) {
        this.timer = setTimeout(() => this.wake(), wait);
        return;
      }
      this.underWay.add(String(id));
      void this.deliver(String(id), endpoint);
    }
  }

  stop(): void {
    this.stopping.abort();
    clearTimeout(this.timer);
  }

  private async deliver(id: string, endpoint: Endpoint): Promise<void> {
    const answer = await this.post(id, endpoint);
    if (this.stopping.signal.aborted) return;
    this.underWay.delete(id);
    const row = this.store.prepare('select attempts, since from deliveries where id = ?').get(id);
    const attempts = Number(row?.attempts) + 1;
    const delivered = answer !== null && answer >= 200 && answer < 300;
    const givenUp = Date.now() - Number(row?.since) > GIVE_UP_MS;
    this.store
      .prepare(
        'update deliveries set attempts = ?, status = ?, last_answer = ?, next_at = ? where id = ?',
      )
      .run(
        attempts,
        delivered ? 'delivered' : givenUp ? 'given_up' : 'pending',
        answer,
        Date.now() + Math.min(LONGEST_WAIT_MS, FIRST_RETRY_MS * 2 ** (attempts - 1)),
        id,
      );
    const event = delivered ? this.store.find('event', id) : undefined;
    if (event) this.store.save({ ...event, pending_webhooks: 0 });
    this.wake();
  }

  /** The endpoint's status code, or null when there was no answer. */
  private async post(id: string, { url, secret }: Endpoint): Promise<number | null> {
    const payload = JSON.stringify(this.store.find('event', id), null, 2);
    const signature = await Stripe.webhooks.generateTestHeaderStringAsync({ payload, secret });
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'stripe-signature': signature,
        },
        body: payload,
        signal: AbortSignal.any([this.stopping.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      await response.arrayBuffer();
      return response.status;
    } catch {
      // Unreachable or too slow: tried again later, and `lastAnswer` shows that nothing came.
      return null;
    }
  }
}
