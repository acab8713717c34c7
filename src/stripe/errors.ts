import Stripe from 'stripe';

type StripeError = InstanceType<typeof Stripe.errors.StripeError>;

/**
 * What may be shown and kept of an error of Stripe's: type, status, code and request id. Never its
 * message or parameter, which can quote a customer or a key.
 */
export function describeError({ type, statusCode, code, requestId }: StripeError): string {
  const parts = [type, statusCode ?? 'no answer', code, requestId];
  return parts.filter((part) => part !== undefined).join(' ');
}

/** Stripe gave no answer that counts: none at all, 409, 429 or 5xx (R28). To be tried again. */
export class StripeUnavailable extends Error {
  override name = 'StripeUnavailable';
  /** `retryAfter`: in how many seconds, where Stripe says so. */
  constructor(
    message: string,
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }
}

/** Whether Stripe answers at all: an error that it gives a call again and again is that call's, then. */
export async function isAnswering(stripe: Stripe): Promise<boolean> {
  try {
    await stripe.invoiceItems.list({ limit: 1 });
    return true;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return false;
    throw error;
  }
}

/** In how many seconds Stripe wants to be asked again, where it says so: with a 429 at times. */
export function retryAfter({ headers }: StripeError): number | null {
  const seconds = Number(headers?.['retry-after']);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}

/**
 * The error that Stripe refuses a call with, for the caller to judge; throws `StripeUnavailable` for
 * one that says nothing about the call.
 */
export function refusal(error: unknown): StripeError {
  if (!(error instanceof Stripe.errors.StripeError)) throw error;
  const { statusCode } = error;
  if (statusCode === undefined || statusCode === 409 || statusCode === 429 || statusCode >= 500) {
    throw new StripeUnavailable(describeError(error), retryAfter(error));
  }
  return error;
}

/** Stripe refuses a call (4xx), and will until something else changes. */
export class StripeRefused extends Error {
  override name = 'StripeRefused';
}

/** What Stripe answers a call. Throws `StripeUnavailable` or `StripeRefused`. */
export async function answerOf<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw new StripeRefused(describeError(refusal(error)));
  }
}

/** Whether Stripe refuses us, by our key, whatever it was asked: a person mends the key, not the call. */
export function isRefusalOfKey(error: unknown): boolean {
  return (
    error instanceof Stripe.errors.StripeAuthenticationError ||
    error instanceof Stripe.errors.StripePermissionError
  );
}

/** Whether this is a stored 5xx that Stripe repeats under its idempotency key, for a day (R34, R35). */
export function isStoredError(error: unknown): boolean {
  return (
    error instanceof Stripe.errors.StripeError &&
    (error.statusCode ?? 0) >= 500 &&
    error.headers?.['idempotent-replayed'] === 'true'
  );
}

/** Whether a key can do no more for a day: its error is repeated, or it was for other parameters (R35). */
export function isSpentKey(error: unknown): boolean {
  const isOfOther =
    error instanceof Stripe.errors.StripeIdempotencyError && error.statusCode === 400;
  return isOfOther || isStoredError(error);
}

/** undefined for what Stripe does not have: a mistaken or deleted id must not keep the rest from being read. */
export async function unlessMissing<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (refusal(error).code === 'resource_missing') return undefined;
    throw error;
  }
}
