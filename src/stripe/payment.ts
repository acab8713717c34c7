import Stripe from 'stripe';
import type { Outcome } from '../domain/team.js';
import { failedCharges, paymentIntentOf } from './attempts.js';
import { isStoredError, refusal, unlessMissing } from './errors.js';

export interface PaymentAttempt {
  invoiceId: string;
  /** With the invoice the attempt's key at Stripe (R35). */
  number: number;
  /** null: the default payment method of the subscription or customer. */
  paymentMethodId: string | null;
  /** Failures that are known already: a stored error without a further one made no charge. */
  knownFailures: readonly string[];
}

/** Stripe's codes for a payment that waits for its customer (R27). */
const CONFIRMATION_CODES: readonly (string | undefined)[] = [
  'invoice_payment_intent_requires_action',
  'authentication_required',
];

/** Tries to pay an invoice, once (R28). Throws `StripeUnavailable` while how it ended is not known. */
export async function attemptPayment(stripe: Stripe, attempt: PaymentAttempt): Promise<Outcome> {
  const { invoiceId, number, paymentMethodId } = attempt;
  try {
    const invoice = await stripe.invoices.pay(
      invoiceId,
      paymentMethodId === null ? {} : { payment_method: paymentMethodId },
      { idempotencyKey: `tagih:pay:${invoiceId}:${number}` },
    );
    if (invoice.status === 'paid') return { kind: 'paid' };
    return { kind: 'stopped', code: `invoice_${invoice.status ?? 'deleted'}` };
  } catch (error) {
    if (isStoredError(error)) return lookAfterStoredError(stripe, attempt);
    const refused = refusal(error);
    if (CONFIRMATION_CODES.includes(refused.code)) return { kind: 'confirm' };
    if (refused instanceof Stripe.errors.StripeCardError) {
      return {
        kind: 'declined',
        failureId: refused.charge ?? failureIdOf(attempt),
        paymentMethodId: refused.payment_method?.id ?? paymentMethodId,
      };
    }
    return lookAfterRefusal(stripe, attempt, refused.code ?? refused.type);
  }
}

/** An attempt that reached no card is known by its number (R23). */
const failureIdOf = ({ invoiceId, number }: PaymentAttempt) => `${invoiceId}:${number}`;

/** Stripe would not try: because there is nothing to pay, nothing to pay with, or for a reason of its own. */
async function lookAfterRefusal(
  stripe: Stripe,
  attempt: PaymentAttempt,
  code: string,
): Promise<Outcome> {
  const invoice = await readInvoice(stripe, attempt.invoiceId);
  if (invoice?.status === 'paid') return { kind: 'paid' };
  if (invoice?.status !== 'open') return { kind: 'gone' };
  if (attempt.paymentMethodId === null && !(await hasPaymentMethod(stripe, invoice))) {
    return { kind: 'declined', failureId: failureIdOf(attempt), paymentMethodId: null };
  }
  return { kind: 'stopped', code };
}

/** Whether the attempt behind a stored error was made all the same (R35). */
async function lookAfterStoredError(stripe: Stripe, attempt: PaymentAttempt): Promise<Outcome> {
  const invoice = await readInvoice(stripe, attempt.invoiceId);
  if (invoice?.status === 'paid') return { kind: 'paid' };
  if (invoice?.status !== 'open') return { kind: 'gone' };
  const intent = paymentIntentOf(invoice);
  if (intent === null) return { kind: 'key_spent' };
  const failures = await failedCharges(stripe, intent);
  const fresh = failures.find(({ id }) => !attempt.knownFailures.includes(id));
  if (fresh === undefined) return { kind: 'key_spent' };
  return { kind: 'declined', failureId: fresh.id, paymentMethodId: fresh.paymentMethodId };
}

/** undefined: Stripe has no such invoice any more. */
async function readInvoice(stripe: Stripe, id: string): Promise<Stripe.Invoice | undefined> {
  return unlessMissing(stripe.invoices.retrieve(id, { expand: ['payments'] }));
}

async function hasPaymentMethod(stripe: Stripe, invoice: Stripe.Invoice): Promise<boolean> {
  if (invoice.default_payment_method !== null || invoice.default_source !== null) return true;
  const { customer } = invoice;
  const subscription = invoice.parent?.subscription_details?.subscription;
  if (subscription !== undefined) {
    const id = typeof subscription === 'string' ? subscription : subscription.id;
    const { default_payment_method, default_source } = await stripe.subscriptions.retrieve(id);
    if (default_payment_method !== null || default_source !== null) return true;
  }
  if (typeof customer !== 'string') return false;
  const found = await stripe.customers.retrieve(customer);
  if (found.deleted) return false;
  return found.invoice_settings.default_payment_method !== null || found.default_source !== null;
}

/** Marks an invoice uncollectible (R31); one that is paid or void already stays so. */
export async function writeOff(stripe: Stripe, invoiceId: string): Promise<void> {
  await whileOpen(stripe, invoiceId, () => stripe.invoices.markUncollectible(invoiceId));
}

/** Keeps Stripe from retrying an invoice by itself, so that one party alone does (R24). */
export async function holdInvoice(stripe: Stripe, invoiceId: string): Promise<void> {
  await whileOpen(stripe, invoiceId, () =>
    stripe.invoices.update(invoiceId, { auto_advance: false }),
  );
}

/** Does what only an open invoice allows; no longer open, there is nothing left to do. */
async function whileOpen(
  stripe: Stripe,
  invoiceId: string,
  change: () => Promise<unknown>,
): Promise<void> {
  try {
    await change();
  } catch (error) {
    const refused = refusal(error);
    const invoice = await readInvoice(stripe, invoiceId);
    if (invoice?.status === 'open') throw refused;
  }
}
