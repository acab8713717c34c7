import { Http } from './http.js';
import type { Access, KeyedUsageEvent, TeamUsage, Tracked, UsageEvent } from './shapes.js';
import { TagihError } from './tagihError.js';
import { BATCH_EVENTS, UsageQueue } from './usageQueue.js';

export type { Access, KeyedUsageEvent, TeamUsage, Tracked, UsageEvent } from './shapes.js';
export { TagihError } from './tagihError.js';

export interface TagihOptions {
  /** Where Tagih is served, such as `http://localhost:3000`. */
  url: string;
  /** With the scope `usage:write`, and `teams:read` for `access()` and `usage()`. */
  apiKey: string;
  /** How long after its call something that failed is tried again; by default 60,000. */
  retryForMs?: number | undefined;
  /** How long one attempt may take; by default 20,000. */
  attemptTimeoutMs?: number | undefined;
  /** Events that may wait; beyond it `track()` and `trackMany()` reject at once. By default 100,000. */
  maxWaiting?: number | undefined;
}

export interface CallOptions {
  /** Rejects the call with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** An event of `trackMany()` that is not acknowledged. `unacknowledged` alone may have been recorded all the same. */
export interface Untracked {
  result: 'conflict' | 'invalid' | 'unknown_team' | 'unacknowledged';
  teamId: string;
  idempotencyKey: string;
  error: TagihError;
}

/** A client for services; see docs/client.md. */
export const createTagih = (options: TagihOptions): Tagih => new Tagih(options);

export type { Tagih };

class Tagih {
  readonly #http: Http;
  readonly #queue: UsageQueue;
  readonly #maxWaiting: number;
  /** The events that failed, of each call that is not over. */
  readonly #calls = new Set<Promise<readonly TagihError[]>>();
  #closed = false;

  constructor(options: TagihOptions) {
    const { retryForMs = 60_000, attemptTimeoutMs = 20_000, maxWaiting = 100_000 } = options;
    this.#http = new Http({ ...options, retryForMs, attemptTimeoutMs });
    this.#queue = new UsageQueue(this.#http);
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Records one event, and resolves when it is on disk (R10). The first one goes out at once; those
   * that come while a request is under way share the next. An aborted one that was under way may have
   * been recorded.
   *
   * @throws {TagihError} with the event, when it is refused or could not be acknowledged in time
   */
  async track(event: UsageEvent, { signal }: CallOptions = {}): Promise<Tracked> {
    const keyed = withKey(event);
    this.#refuseWhenFull(keyed);
    const call = this.#queue.add(keyed, signal);
    this.#queue.send();
    this.#note(call.then(() => [], failures));
    return call;
  }

  /** Records any number of events, and resolves with a result for each, in the order given. */
  async trackMany(
    events: Iterable<UsageEvent>,
    { signal }: CallOptions = {},
  ): Promise<(Tracked | Untracked)[]> {
    this.#refuseWhenFull();
    const call = this.#inTurn(Array.from(events, withKey), signal);
    this.#note(
      call.then((all) => all.flatMap((one) => ('error' in one ? [one.error] : [])), failures),
    );
    return call;
  }

  /** Whether a team may use AI, and so many `tokens` more of it. */
  async access(
    teamId: string,
    { tokens, signal }: CallOptions & { tokens?: number | undefined } = {},
  ): Promise<Access> {
    this.#refuseWhenClosed();
    return this.#http.get(`${teamPath(teamId)}/access`, { tokens }, signal);
  }

  /** A team's usage of a period, by default the open one. */
  async usage(
    teamId: string,
    {
      period,
      groupBy,
      signal,
    }: CallOptions & { period?: string | undefined; groupBy?: string | undefined } = {},
  ): Promise<TeamUsage> {
    this.#refuseWhenClosed();
    return this.#http.get(`${teamPath(teamId)}/usage`, { period, groupBy }, signal);
  }

  /**
   * Resolves when all events that were given so far are acknowledged.
   *
   * @throws {AggregateError} of a `TagihError` for each event that could not be, once all are over
   */
  async flush({ signal }: CallOptions = {}): Promise<void> {
    const failed = (await unlessAborted(Promise.all(this.#calls), signal)).flat();
    if (failed.length === 0) return;
    throw new AggregateError(failed, `${failed.length} events are not acknowledged.`);
  }

  /** Takes no more calls, and flushes. An aborted one stays closed, and what waits is still sent. */
  async close(options?: CallOptions): Promise<void> {
    this.#closed = true;
    return this.flush(options);
  }

  /** One batch after the other, so that the events of the rest do not wait in the queue. */
  async #inTurn(events: readonly KeyedUsageEvent[], signal: AbortSignal | undefined) {
    const results: (Tracked | Untracked)[] = [];
    for (let start = 0; start < events.length; start += BATCH_EVENTS) {
      const calls = events
        .slice(start, start + BATCH_EVENTS)
        .map((event) => this.#queue.add(event, signal).catch((error) => untracked(event, error)));
      this.#queue.send();
      results.push(...(await Promise.all(calls)));
    }
    return results;
  }

  #note(call: Promise<readonly TagihError[]>): void {
    this.#calls.add(call);
    void call.then(() => this.#calls.delete(call));
  }

  #refuseWhenClosed(event?: KeyedUsageEvent): void {
    if (this.#closed) throw refused('closed', 'This client is closed.', event);
  }

  #refuseWhenFull(event?: KeyedUsageEvent): void {
    this.#refuseWhenClosed(event);
    if (this.#queue.size < this.#maxWaiting) return;
    throw refused('queue_full', `${this.#queue.size} events wait to be sent already.`, event);
  }
}

const withKey = (event: UsageEvent): KeyedUsageEvent => ({
  ...event,
  idempotencyKey: event.idempotencyKey ?? crypto.randomUUID(),
});

const teamPath = (teamId: string) => `/api/v1/teams/${encodeURIComponent(teamId)}`;

const refused = (code: string, detail: string, event: KeyedUsageEvent | undefined) =>
  new TagihError({ status: 0, code, detail }, event && { event });

/** An aborted call is its caller's own wish. */
const failures = (error: unknown) => (error instanceof TagihError ? [error] : []);

const RESULTS: Readonly<Record<string, Untracked['result']>> = {
  idempotency_conflict: 'conflict',
  unknown_team: 'unknown_team',
  invalid_request: 'invalid',
  forbidden_team: 'invalid',
  body_too_large: 'invalid',
};

function untracked({ teamId, idempotencyKey }: KeyedUsageEvent, error: unknown): Untracked {
  if (!(error instanceof TagihError)) throw error;
  const result = RESULTS[error.code] ?? 'unacknowledged';
  return { result, teamId, idempotencyKey, error };
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort);
  });
  return Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', abort));
}
