import { TagihError } from './tagihError.js';

/** Answers that say nothing of the request: Tagih is away, busy or behind a gateway that lost it. */
const PASSING = new Set([429, 502, 503, 504]);
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

export interface HttpOptions {
  url: string;
  apiKey: string;
  /** From its call on, how long a request is tried again. */
  retryForMs: number;
  /** How long one attempt may take. */
  attemptTimeoutMs: number;
}

/** Tagih's API over `fetch`. */
export class Http {
  readonly retryForMs: number;
  readonly #attemptTimeoutMs: number;
  readonly #base: string;
  readonly #headers: Headers;

  constructor({ url, apiKey, retryForMs, attemptTimeoutMs }: HttpOptions) {
    if (!apiKey) throw new TypeError('createTagih needs an apiKey');
    this.#base = new URL(url).href.replace(/\/+$/, '');
    // Made here, so that a key which no header can hold is told at once, and not retried for a minute.
    this.#headers = new Headers({
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
    });
    this.retryForMs = retryForMs;
    this.#attemptTimeoutMs = attemptTimeoutMs;
  }

  /** Reads, and tries again for as long as it may. */
  async get<T>(
    path: string,
    query: Readonly<Record<string, string | number | undefined>>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) search.set(name, String(value));
    }
    const deadline = Date.now() + this.retryForMs;
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.attempt('GET', `${path}?${search}`, undefined, signal);
      } catch (error) {
        if (!isPassing(error)) throw error;
        const pause = pauseMs(failures, error);
        if (Date.now() + pause > deadline) throw error;
        await sleep(pause, signal);
      }
    }
  }

  /** One request. Throws `TagihError`, and the reason of an aborted signal. */
  async attempt<T>(method: string, path: string, body?: string, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const controller = new AbortController();
    const abort = () => controller.abort();
    const timer = setTimeout(abort, this.#attemptTimeoutMs);
    signal?.addEventListener('abort', abort);
    try {
      const response = await fetch(`${this.#base}${path}`, {
        method,
        headers: this.#headers,
        // A redirected POST may arrive as a GET without its body.
        redirect: 'manual',
        signal: controller.signal,
        ...(body !== undefined && { body }),
      });
      return answerOf(response, await response.text());
    } catch (error) {
      if (error instanceof TagihError) throw error;
      signal?.throwIfAborted();
      const { aborted } = controller.signal;
      const why = aborted ? `within ${this.#attemptTimeoutMs} ms` : `(${reason(error)})`;
      const detail = `Tagih gave no answer ${why}.`;
      throw new TagihError({ status: 0, code: 'no_answer', detail }, { cause: error });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }
}

/** Whether the same request may fare better later. */
export const isPassing = (error: unknown): error is TagihError =>
  error instanceof TagihError && (error.code === 'no_answer' || PASSING.has(error.status));

/** How long to wait after so many failures: at random, so that callers who failed together do not come back together. */
export function pauseMs(failures: number, { retryAfterMs }: TagihError): number {
  const most = Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
  return retryAfterMs + Math.random() * most;
}

export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
  });
}

function answerOf<T>({ ok, status, headers }: Response, text: string): T {
  const body = parsed(text);
  if (ok && body !== undefined) return body;
  const retryAfterMs = retryAfter(headers.get('retry-after'));
  const { code, detail, errors } = body ?? {};
  if (!ok && typeof code === 'string' && typeof detail === 'string') {
    throw new TagihError({ status, code, detail, errors, retryAfterMs });
  }
  const what = `This is no answer of Tagih's: HTTP ${status} ${text.slice(0, 200)}`.trim();
  throw new TagihError({ status, code: 'unexpected_answer', detail: what, retryAfterMs });
}

function parsed(text: string) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `retry-after` is a number of seconds, or a date. */
function retryAfter(value: string | null): number {
  const seconds = Number(value);
  const ms = Number.isNaN(seconds) ? Date.parse(String(value)) - Date.now() : seconds * 1_000;
  return ms > 0 ? ms : 0;
}

/** `fetch` says «fetch failed», and why in the cause. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? cause.message || String(Object(cause).code) : error.message;
}
