import Stripe from 'stripe';
import { after, type Instant } from '../domain/instant.js';
import type { Outcome } from '../domain/team.js';
import { paymentIntentOf, readIntent, UNCONFIRMED } from './attempts.js';
import { isRefusalOfKey, isStoredError, refusal, unlessMissing } from './errors.js';

export interface PaymentAttempt {
  invoiceId: string;
  /** With the invoice the attempt's key at Stripe (R35). */
  number: number;
  /** null: the default payment method of the subscription or customer. */
  paymentMethodId: string | null;
  /** Failures that are known already: a stored error without a further one made no charge. */
  knownFailures: readonly string[];
  /** When it was decided upon; absent from attempts of before. */
  startedAt?: Instant;
}

/** Stripe's codes for a payment that waits for its customer (R27). */
const CONFIRMATION_CODES: readonly (string | undefined)[] = [
  'invoice_payment_intent_requires_action',
  UNCONFIRMED,
];

/** Stripe keeps an idempotency key for a day; the hour is for a try that is on its way meanwhile. */
const KEY_LIFE_MS = 23 * 3_600_000;

/** By how much our clock and Stripe's, which tells whole seconds, may differ. */
const CLOCKS_DIFFER_MS = 60_000;

/**
 * Tries to pay an invoice, once (R28). What ends a ladder is looked for before each try: Stripe may have
 * been down since the attempt was decided upon, and what happened meanwhile untold (R26). Throws
 * `StripeUnavailable` while how it ended is not known.
 */
export async function attemptPayment(
  stripe: Stripe,
  attempt: PaymentAttempt,
  now: Date,
): Promise<Outcome> {
  const { invoiceId, number, paymentMethodId, startedAt } = attempt;
  const before = await openInvoice(stripe, invoiceId);
  if ('kind' in before) return before;
  if (startedAt !== undefined && now.getTime() - Date.parse(startedAt) > KEY_LIFE_MS) {
    const made = await findMade(stripe, before, attempt);
    if (made !== null) return made;
  }
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
  const invoice = await openInvoice(stripe, attempt.invoiceId);
  if ('kind' in invoice) return invoice;
  if (attempt.paymentMethodId === null && !(await hasPaymentMethod(stripe, invoice))) {
    return { kind: 'declined', failureId: failureIdOf(attempt), paymentMethodId: null };
  }
  return { kind: 'stopped', code };
}

/** Whether the attempt behind a stored error was made all the same (R35). */
async function lookAfterStoredError(stripe: Stripe, attempt: PaymentAttempt): Promise<Outcome> {
  const invoice = await openInvoice(stripe, attempt.invoiceId);
  if ('kind' in invoice) return invoice;
  return (await findMade(stripe, invoice, attempt)) ?? { kind: 'key_spent' };
}

/** How an attempt ended that Stripe does not tell of by its key any more; null: it was not made (R35). */
async function findMade(
  stripe: Stripe,
  invoice: Stripe.Invoice,
  { knownFailures, startedAt }: PaymentAttempt,
): Promise<Outcome | null> {
  const intent = paymentIntentOf(invoice);
  if (intent === null) return null;
  const { needsConfirmation, failures } = await readIntent(stripe, intent);
  if (needsConfirmation) return { kind: 'confirm' };
  // One from before it is the customer's own, of which nobody has told yet (R23).
  const since = startedAt === undefined ? '' : after(startedAt, -CLOCKS_DIFFER_MS);
  const made = failures.find(({ id, at }) => !knownFailures.includes(id) && at >= since);
  if (made === undefined) return null;
  return { kind: 'declined', failureId: made.id, paymentMethodId: made.paymentMethodId };
}

/** An invoice that there is reason to pay, with its subscription; else how the attempt ends (R26, R28). */
async function openInvoice(stripe: Stripe, id: string): Promise<Stripe.Invoice | Outcome> {
  const invoice = await readInvoice(stripe, id);
  if (invoice?.status === 'paid') return { kind: 'paid' };
  if (invoice?.status !== 'open') return { kind: 'gone' };
  const status = subscriptionOf(invoice)?.status;
  return status === 'canceled' || status === 'incomplete_expired' ? { kind: 'gone' } : invoice;
}

/** undefined: Stripe has no such invoice any more. */
async function readInvoice(stripe: Stripe, id: string): Promise<Stripe.Invoice | undefined> {
  const expand = ['payments', 'parent.subscription_details.subscription'];
  return unlessMissing(stripe.invoices.retrieve(id, { expand }));
}

function subscriptionOf({ parent }: Stripe.Invoice): Stripe.Subscription | undefined {
  const subscription = parent?.subscription_details?.subscription;
  return typeof subscription === 'string' ? undefined : subscription;
}

async function hasPaymentMethod(stripe: Stripe, invoice: Stripe.Invoice): Promise<boolean> {
  const payers = [invoice, subscriptionOf(invoice)];
  if (payers.some((payer) => payer?.default_payment_method ?? payer?.default_source)) return true;
  const { customer } = invoice;
  if (typeof customer !== 'string') return false;
  const found = await stripe.customers.retrieve(customer);
  if (found.deleted) return false;
  return found.invoice_settings.default_payment_method !== null || found.default_source !== null;
}

/** Marks an invoice uncollectible (R31); one that is paid or void already stays so. Stripe's code where it refuses. */
export async function writeOff(stripe: Stripe, invoiceId: string): Promise<string | null> {
  return whileOpen(stripe, invoiceId, () => stripe.invoices.markUncollectible(invoiceId));
}

/** Keeps Stripe from retrying an invoice by itself, so that one party alone does (R24). Stripe's code where it refuses. */
export async function holdInvoice(stripe: Stripe, invoiceId: string): Promise<string | null> {
  return whileOpen(stripe, invoiceId, () =>
    stripe.invoices.update(invoiceId, { auto_advance: false }),
  );
}

/**
 * Does what only an open invoice allows; no longer open, there is nothing left to do. A refusal is an
 * answer, to be tried no more (R28); one of our key throws, for a person mends the key.
 */
async function whileOpen(
  stripe: Stripe,
  invoiceId: string,
  change: () => Promise<unknown>,
): Promise<string | null> {
  try {
    await change();
    return null;
  } catch (error) {
    const refused = refusal(error);
    if (isRefusalOfKey(refused)) throw refused;
    const invoice = await readInvoice(stripe, invoiceId);
    return invoice?.status === 'open' ? (refused.code ?? refused.type) : null;
  }
}
