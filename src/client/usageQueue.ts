import { type Http, isPassing, pauseMs, sleep } from './http.js';
import type { KeyedUsageEvent, Tracked, UsageAnswer, UsageBatch } from './shapes.js';
import { TagihError } from './tagihError.js';

/** What the batch route takes, with some room for what is around the events. */
export const BATCH_EVENTS = 1_000;
const BATCH_BYTES = 2_000_000;

interface Waiting {
  event: KeyedUsageEvent;
  /** As it was when it was given: what is sent again must be the same to the last byte. */
  json: string;
  bytes: number;
  /** Past it a failed event is not tried again. */
  deadline: number;
  settle(outcome: Tracked | TagihError): void;
}

/**
 * Events from when they are given until they are acknowledged. One request is under way at a time; a
 * lone event goes by itself, those that come meanwhile share the next request. What failed stays where
 * it is in the queue, and goes again under the same key.
 */
export class UsageQueue {
  readonly #http: Http;
  /** In the order given; those under way are still in it. */
  readonly #waiting = new Set<Waiting>();
  #sending = false;
  #failures = 0;
  /** Outlasts the events that were told of the failure: those that come next wait as well. */
  #notBefore = 0;

  constructor(http: Http) {
    this.#http = http;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** The event's outcome, once it is sent. Throws `TagihError`, and the reason of an aborted signal. */
  add(event: KeyedUsageEvent, signal: AbortSignal | undefined): Promise<Tracked> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const leave = () => {
        this.#waiting.delete(waiting);
        signal?.removeEventListener('abort', abort);
      };
      const abort = () => {
        leave();
        reject(signal?.reason);
      };
      const json = serialized(event);
      const waiting: Waiting = {
        event: JSON.parse(json),
        json,
        bytes: new TextEncoder().encode(json).length,
        deadline: Date.now() + this.#http.retryForMs,
        settle(outcome) {
          leave();
          if (outcome instanceof TagihError) reject(outcome);
          else resolve(outcome);
        },
      };
      signal?.addEventListener('abort', abort);
      this.#waiting.add(waiting);
    });
  }

  /** Sends what waits, unless that is under way. */
  send(): void {
    if (!this.#sending) void this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    this.#sending = true;
    while (this.#waiting.size > 0) {
      const early = this.#notBefore - Date.now();
      if (early > 0) {
        await sleep(early);
        continue;
      }
      const batch = this.#next();
      try {
        await this.#post(batch);
      } catch (error) {
        if (isPassing(error)) {
          this.#postpone(error);
          continue;
        }
        for (const { event, settle } of batch) settle(failed(event, error));
      }
      this.#failures = 0;
    }
    this.#sending = false;
  }

  /** The oldest events, as many as a request may hold. */
  #next(): Waiting[] {
    const batch: Waiting[] = [];
    let bytes = 0;
    for (const waiting of this.#waiting) {
      bytes += waiting.bytes + 1;
      // The first one is in it whatever its size: alone it is Tagih who judges it.
      if (batch.length > 0 && (batch.length === BATCH_EVENTS || bytes > BATCH_BYTES)) break;
      batch.push(waiting);
    }
    return batch;
  }

  async #post(batch: readonly Waiting[]): Promise<void> {
    const [first] = batch;
    if (first !== undefined && batch.length === 1) {
      const { event, json, settle } = first;
      return settle(alone(event, await this.#http.attempt('POST', '/api/v1/usage', json)));
    }
    const body = `{"events":[${batch.map(({ json }) => json).join()}]}`;
    const answer: UsageBatch = await this.#http.attempt('POST', '/api/v1/usage/batch', body);
    for (const [index, { event, settle }] of batch.entries()) {
      settle(together(event, answer, index));
    }
  }

  /** All go again after a pause, but for those that would be too late. */
  #postpone(error: TagihError): void {
    this.#failures += 1;
    const pause = Math.min(pauseMs(this.#failures, error), this.#http.retryForMs);
    this.#notBefore = Date.now() + pause;
    for (const { event, deadline, settle } of this.#waiting) {
      if (deadline <= this.#notBefore) settle(failed(event, error));
    }
  }
}

function serialized(event: KeyedUsageEvent): string {
  try {
    return JSON.stringify(event);
  } catch (cause) {
    const detail = `The event cannot be written as JSON: ${(cause as Error).message}`;
    throw new TagihError({ status: 0, code: 'invalid_request', detail }, { cause, event });
  }
}

/** The same error for each event that shared a request, with the event. */
function failed(event: KeyedUsageEvent, cause: unknown): TagihError {
  if (cause instanceof TagihError) return new TagihError(cause, { cause, event });
  const detail = `This is no answer of Tagih's: ${cause}`;
  return new TagihError({ status: 0, code: 'unexpected_answer', detail }, { cause, event });
}

/** Without what a batch does not answer: whether an event shares a request is up to chance. */
function alone({ teamId, idempotencyKey }: KeyedUsageEvent, answer: UsageAnswer): Tracked {
  const { billedIn: _, access: __, ...tracked } = answer;
  if (tracked.result !== 'recorded' && tracked.result !== 'duplicate') {
    throw new Error(`the result is ${tracked.result}`);
  }
  return { ...tracked, teamId, idempotencyKey };
}

function together(event: KeyedUsageEvent, answer: UsageBatch, index: number): Tracked | TagihError {
  const { result, error } = answer.results[index] ?? {};
  if (result === 'recorded' || result === 'duplicate') {
    const { idempotencyKey } = event;
    return { ...totalsOf(event, answer.totals), result, idempotencyKey };
  }
  if (error === undefined) throw new Error('not each event has a result');
  // As the route for single events answers them.
  const status = STATUS[error.code] ?? 400;
  return new TagihError({ status, ...error }, { event });
}

const STATUS: Readonly<Record<string, number>> = {
  idempotency_conflict: 409,
  unknown_team: 404,
  forbidden_team: 403,
};

/**
 * Those of the event's team and period: its own is the first to end after it, and of one without a
 * time the last. The clock of this machine has no say in it.
 */
function totalsOf({ teamId, occurredAt }: KeyedUsageEvent, all: UsageBatch['totals']) {
  const at = occurredAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(occurredAt);
  const periods = all
    .filter((totals) => totals.teamId === teamId)
    .toSorted((a, b) => Date.parse(a.resetsAt) - Date.parse(b.resetsAt));
  const totals = periods.find(({ resetsAt }) => Date.parse(resetsAt) > at) ?? periods.at(-1);
  if (totals === undefined) throw new Error(`there are no totals of ${teamId}`);
  return totals;
}
