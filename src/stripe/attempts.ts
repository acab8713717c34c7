import type Stripe from 'stripe';
import type { Invoice } from '../domain/team.js';
import { idOf, instant } from './values.js';

/** Stripe's code where the bank asks for the customer's confirmation (R27). */
export const UNCONFIRMED = 'authentication_required';

/** docs.stripe.com/billing/revenue-recovery/smart-retries#non-retryable-decline-codes */
const HARD_DECLINES: ReadonlySet<string> = new Set([
  UNCONFIRMED,
  'highest_risk_level',
  'incorrect_number',
  'lost_card',
  'pickup_card',
  'revocation_of_all_authorizations',
  'revocation_of_authorization',
  'stolen_card',
  'transaction_not_allowed',
]);

/** The attempts that share a payment intent (R23). */
export interface IntentAttempts {
  /** The payment waits for the customer (R27). */
  needsConfirmation: boolean;
  /** The charge by which the bank asked for that; null where there is none. */
  question: NonNullable<Invoice['question']> | null;
  isProcessing: boolean;
  /** Stripe schedules further attempts, counts them and makes none, until the card is another one (R24). */
  isHardDeclined: boolean;
  /** Failed charges, oldest first. */
  failures: Invoice['failures'];
}

/**
 * The failed attempts of an open invoice by their charges, which share one payment intent (R23), and
 * whether it waits for the customer (R27).
 */
export async function readAttempts(
  stripe: Stripe,
  invoice: Stripe.Invoice,
): Promise<Pick<Invoice, 'needsConfirmation' | 'question' | 'failures' | 'nextPaymentAttemptAt'>> {
  const paymentIntentId = paymentIntentOf(invoice);
  const next = invoice.next_payment_attempt;
  const nextPaymentAttemptAt = next === null ? null : instant(next);
  if (paymentIntentId !== null) {
    const { isProcessing, isHardDeclined, ...attempts } = await readIntent(stripe, paymentIntentId);
    if (attempts.needsConfirmation || attempts.failures.length > 0 || isProcessing) {
      return { ...attempts, nextPaymentAttemptAt: isHardDeclined ? null : nextPaymentAttemptAt };
    }
  }
  if (invoice.attempt_count === 0) return { needsConfirmation: false, failures: [] };
  const at = instant(invoice.status_transitions.finalized_at ?? invoice.created);
  const failure = { id: `${invoice.id}#${invoice.attempt_count}`, at, paymentMethodId: null };
  return { needsConfirmation: false, failures: [failure], nextPaymentAttemptAt };
}

/** The payment intent that all attempts of an invoice share, where `payments` are expanded (R23). */
export function paymentIntentOf({ payments }: Stripe.Invoice): string | null {
  return idOf(payments?.data.find(({ is_default }) => is_default)?.payment.payment_intent);
}

/**
 * What the attempts on a payment intent have come to. A charge by which the bank asked for a confirmation
 * is no failure, though Stripe keeps it as one; between that question and `requires_action` the intent
 * looks declined for a moment (R27).
 */
export async function readIntent(stripe: Stripe, id: string): Promise<IntentAttempts> {
  const { status, last_payment_error } = await stripe.paymentIntents.retrieve(id);
  const charges = await stripe.charges
    .list({ payment_intent: id, limit: 100 })
    .autoPagingToArray({ limit: 1_000 });
  const failed = charges.filter((charge) => charge.status === 'failed').toReversed();
  const last = failed.at(-1);
  const asked = failed.findLast(isQuestion);
  const needsConfirmation =
    status === 'requires_action' || last_payment_error?.code === UNCONFIRMED;
  return {
    needsConfirmation,
    question: needsConfirmation && asked ? attemptOf(asked) : null,
    isProcessing: status === 'processing',
    isHardDeclined: [last?.failure_code, last?.outcome?.reason].some(
      (code) => typeof code === 'string' && HARD_DECLINES.has(code),
    ),
    failures: failed.filter((charge) => !isQuestion(charge)).map(attemptOf),
  };
}

const attemptOf = ({ id, created, payment_method }: Stripe.Charge) => ({
  id,
  at: instant(created),
  paymentMethodId: payment_method,
});

const isQuestion = ({ failure_code }: Stripe.Charge) => failure_code === UNCONFIRMED;
