import Stripe from 'stripe';

/** Stripe gave no answer that counts: none at all, 409, 429 or 5xx (R28). To be tried again. */
export class StripeUnavailable extends Error {
  override name = 'StripeUnavailable';
}

/**
 * The error that Stripe refuses a call with, for the caller to judge; throws `StripeUnavailable` for
 * one that says nothing about the call. Messages of Stripe are left out, for they can quote
 * what a customer entered.
 */
export function refusal(error: unknown): InstanceType<typeof Stripe.errors.StripeError> {
  if (!(error instanceof Stripe.errors.StripeError)) throw error;
  const { statusCode, code, type } = error;
  if (statusCode === undefined || statusCode === 409 || statusCode === 429 || statusCode >= 500) {
    throw new StripeUnavailable(
      `${type} ${statusCode ?? 'without an answer'} ${code ?? ''}`.trim(),
    );
  }
  return error;
}

/** Stripe refuses a call (4xx), and will until something else changes. Says what Stripe names, never its words. */
export class StripeRefused extends Error {
  override name = 'StripeRefused';
}

/** What Stripe answers a call. Throws `StripeUnavailable` or `StripeRefused`. */
export async function answerOf<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    const { type, code = type, param, requestId } = refusal(error);
    const named = param === undefined ? code : `${code} (${param})`;
    throw new StripeRefused(`${named}, request ${requestId ?? 'unknown'}`);
  }
}

/** Whether this is a stored 5xx that Stripe repeats under its idempotency key, for a day (R34, R35). */
export function isStoredError(error: unknown): boolean {
  return (
    error instanceof Stripe.errors.StripeError &&
    (error.statusCode ?? 0) >= 500 &&
    error.headers?.['idempotent-replayed'] === 'true'
  );
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
