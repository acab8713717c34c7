import type Stripe from 'stripe';
import type { Invoice } from '../domain/team.js';
import { idOf, instant } from './values.js';

/** Stripe's code where the bank asks for the customer's confirmation (R27). */
const UNCONFIRMED = 'authentication_required';

/**
 * The failed attempts of an open invoice by their charges, which share one payment intent (R23), and
 * whether it waits for the customer (R27): between the bank's question and `requires_action` the intent
 * looks declined for a moment.
 */
export async function readAttempts(
  stripe: Stripe,
  invoice: Stripe.Invoice,
): Promise<Pick<Invoice, 'needsConfirmation' | 'failures'>> {
  const paymentIntentId = paymentIntentOf(invoice);
  if (paymentIntentId !== null) {
    const intent = await stripe.paymentIntents.retrieve(paymentIntentId);
    const { status, last_payment_error } = intent;
    const needsConfirmation =
      status === 'requires_action' || last_payment_error?.code === UNCONFIRMED;
    const failures = await failedCharges(stripe, paymentIntentId);
    if (needsConfirmation || failures.length > 0 || status === 'processing') {
      return { needsConfirmation, failures };
    }
  }
  if (invoice.attempt_count === 0) return { needsConfirmation: false, failures: [] };
  const at = instant(invoice.status_transitions.finalized_at ?? invoice.created);
  const failure = { id: `${invoice.id}#${invoice.attempt_count}`, at, paymentMethodId: null };
  return { needsConfirmation: false, failures: [failure] };
}

/** The payment intent that all attempts of an invoice share, where `payments` are expanded (R23). */
export function paymentIntentOf({ payments }: Stripe.Invoice): string | null {
  return idOf(payments?.data.find(({ is_default }) => is_default)?.payment.payment_intent);
}

/**
 * The failed charges of a payment intent, oldest first. One by which the bank asked for a confirmation
 * is no failure, though Stripe keeps it as one (R27).
 */
export async function failedCharges(
  stripe: Stripe,
  paymentIntentId: string,
): Promise<Invoice['failures']> {
  const charges = await stripe.charges
    .list({ payment_intent: paymentIntentId, limit: 100 })
    .autoPagingToArray({ limit: 1_000 });
  return charges
    .filter(({ status, failure_code }) => status === 'failed' && failure_code !== UNCONFIRMED)
    .toSorted((a, b) => a.created - b.created)
    .map(({ id, created, payment_method }) => ({
      id,
      at: instant(created),
      paymentMethodId: payment_method,
    }));
}
