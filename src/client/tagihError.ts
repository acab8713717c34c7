import type { KeyedUsageEvent, Problem } from './shapes.js';

type Failure = Pick<Problem, 'status' | 'code' | 'detail' | 'errors'> & { retryAfterMs?: number };

/** Why a call failed. */
export class TagihError extends Error {
  override readonly name = 'TagihError';
  /** Of HTTP; 0 when there was no answer, or the client refused by itself. */
  readonly status: number;
  /**
   * The problem's code, such as `unknown_team`; or the client's own: `no_answer`, `unexpected_answer`,
   * `queue_full`, `closed`.
   */
  readonly code: string;
  readonly detail: string;
  /** What speaks against single fields. */
  readonly errors: NonNullable<Problem['errors']>;
  /** How long Tagih asked to wait; 0 when it did not. */
  readonly retryAfterMs: number;
  /** The event that is not acknowledged, with its key: sent again as it is, it counts once. */
  readonly event: KeyedUsageEvent | undefined;

  constructor(failure: Failure, options: { cause?: unknown; event?: KeyedUsageEvent } = {}) {
    super(failure.detail, 'cause' in options ? { cause: options.cause } : undefined);
    this.status = failure.status;
    this.code = failure.code;
    this.detail = failure.detail;
    this.errors = failure.errors ?? [];
    this.retryAfterMs = failure.retryAfterMs ?? 0;
    this.event = options.event;
  }
}
