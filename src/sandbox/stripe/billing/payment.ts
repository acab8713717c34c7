import type Stripe from 'stripe';
import { invalid, StripeFailure } from '../../http/error.js';
import { type Account, idOf } from '../account.js';
import { behaviourOf, type CardBehaviour, type Decline, HARD_DECLINES } from './cards.js';
import { cancelPayment, subscriptionOf } from './finalization.js';
import { createCharge, paymentIntentOf } from './paymentIntent.js';
import { DAY } from './period.js';
import { afterFailure, afterSettlement } from './standing.js';

/** Days from each failed automatic attempt to the next; after the last one Stripe gives up. */
const RETRY_DAYS = [3, 5, 7];

interface Attempt {
  /** Stripe's own attempt, first or retry. */
  automatic: boolean;
  paymentMethod?: string | undefined;
  /** The customer has already confirmed with the bank. */
  confirmed?: boolean;
}

/** Tries to collect an open invoice. Null when it is paid, else the error that `invoices.pay` answers. */
export function attemptPayment(
  account: Account,
  invoice: Stripe.Invoice,
  { automatic, paymentMethod, confirmed = false }: Attempt,
): StripeFailure | null {
  if (invoice.amount_remaining === 0) {
    markPaid(account, invoice);
    return null;
  }
  const intent = paymentIntentOf(account, invoice);
  if (!intent) throw new Error(`Invoice ${invoice.id} has nothing to pay with.`);
  const id = paymentMethod ?? defaultPaymentMethod(account, invoice);
  // Any first attempt counts; after it Stripe counts its own alone.
  if (automatic || (id !== null && invoice.attempt_count === 0)) count(account, invoice);
  if (id === null) {
    if (automatic) fail(account, invoice);
    return invalid(
      'There is no `default_payment_method` set on this Customer or Invoice. Please set a default payment method for the Customer or the Invoice.',
    );
  }
  const method = account.get('payment_method', id, 'payment_method');
  if (automatic && isHardDeclined(intent, method)) {
    account.emit('invoice.updated', invoice, { attempt_count: invoice.attempt_count - 1 });
    return null;
  }
  const behaviour: CardBehaviour =
    confirmed && behaviourOf(method).kind === 'authenticate'
      ? { kind: 'approve' }
      : behaviourOf(method);
  switch (behaviour.kind) {
    case 'approve':
      succeed(account, invoice, intent, method);
      return null;
    case 'decline':
      return decline(account, invoice, intent, method, behaviour);
    case 'authenticate':
      return requireAction(account, invoice, intent, method);
  }
}

/** The customer answers the bank's question about an invoice's payment (3-D Secure). */
export function confirmPayment(account: Account, invoice: Stripe.Invoice, agrees: boolean): void {
  const intent = paymentIntentOf(account, invoice);
  if (intent?.status !== 'requires_action' || intent.payment_method === null)
    throw invalid('This invoice has no payment that waits for the customer.');
  const method = account.get('payment_method', idOf(intent.payment_method));
  if (agrees) return succeed(account, invoice, intent, method);
  account.set(intent, {
    status: 'requires_payment_method',
    next_action: null,
    payment_method: null,
    last_payment_error: {
      code: 'payment_intent_authentication_failure',
      message:
        'The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent again.',
      payment_method: method,
      type: 'invalid_request_error',
    },
  });
  account.emit('payment_intent.payment_failed', intent);
  return fail(account, invoice);
}

/** Open (or written off) to paid. */
export function markPaid(account: Account, invoice: Stripe.Invoice, outOfBand = false): void {
  const now = account.now(invoice.test_clock);
  if (outOfBand) cancelPayment(account, invoice, now);
  account.set(invoice, {
    status: 'paid',
    amount_paid: invoice.amount_due,
    ...(outOfBand ? { amount_paid_off_stripe: invoice.amount_due } : {}),
    amount_remaining: 0,
    attempted: true,
    auto_advance: false,
    next_payment_attempt: null,
    status_transitions: { ...invoice.status_transitions, paid_at: now },
  });
  account.emit('invoice.paid', invoice);
  account.emit('invoice.payment_succeeded', invoice);
  account.emit('invoice.updated', invoice, { status: 'open' });
  afterSettlement(account, invoice);
}

/** Which card Stripe charges: the invoice's, the subscription's, the customer's. */
export function defaultPaymentMethod(account: Account, invoice: Stripe.Invoice): string | null {
  const customer = account.get('customer', idOf(invoice.customer ?? ''));
  const reference =
    invoice.default_payment_method ??
    subscriptionOf(account, invoice)?.default_payment_method ??
    customer.invoice_settings.default_payment_method;
  return reference && idOf(reference);
}

function count(account: Account, invoice: Stripe.Invoice): void {
  const attempts = invoice.attempt_count + 1;
  const days = RETRY_DAYS[attempts - 1];
  const retried = invoice.auto_advance && invoice.billing_reason !== 'subscription_create';
  account.set(invoice, {
    attempt_count: attempts,
    attempted: true,
    next_payment_attempt:
      retried && days !== undefined ? account.now(invoice.test_clock) + days * DAY : null,
  });
}

function isHardDeclined(intent: Stripe.PaymentIntent, method: Stripe.PaymentMethod): boolean {
  const last = intent.last_payment_error;
  return HARD_DECLINES.has(last?.decline_code ?? '') && last?.payment_method?.id === method.id;
}

function succeed(
  account: Account,
  invoice: Stripe.Invoice,
  intent: Stripe.PaymentIntent,
  method: Stripe.PaymentMethod,
): void {
  const now = account.now(invoice.test_clock);
  const charge = createCharge(account, intent, method, now, null);
  account.set(intent, {
    status: 'succeeded',
    amount_received: intent.amount,
    latest_charge: charge.id,
    last_payment_error: null,
    next_action: null,
    payment_method: method.id,
  });
  account.emit('payment_intent.succeeded', intent);
  const payment = account.store.newest('invoice_payment', { invoice: invoice.id });
  if (payment) {
    account.set(payment, {
      status: 'paid',
      amount_paid: intent.amount,
      status_transitions: { canceled_at: null, paid_at: now },
    });
    account.emit('invoice_payment.paid', payment);
  }
  markPaid(account, invoice);
}

function decline(
  account: Account,
  invoice: Stripe.Invoice,
  intent: Stripe.PaymentIntent,
  method: Stripe.PaymentMethod,
  reason: Decline,
): StripeFailure {
  const charge = createCharge(account, intent, method, account.now(invoice.test_clock), reason);
  account.set(intent, {
    status: 'requires_payment_method',
    latest_charge: charge.id,
    next_action: null,
    payment_method: null,
    last_payment_error: {
      charge: charge.id,
      code: reason.code,
      decline_code: reason.declineCode,
      message: reason.message,
      payment_method: method,
      type: 'card_error',
    },
  });
  account.emit('payment_intent.payment_failed', intent);
  fail(account, invoice);
  return new StripeFailure(402, 'card_error', reason.message, {
    charge: charge.id,
    code: reason.code,
    decline_code: reason.declineCode,
    payment_intent: intent,
    payment_method: method,
  });
}

/** What the bank answers to a payment that its customer has not confirmed. */
const UNCONFIRMED: Decline = {
  code: 'authentication_required',
  declineCode: 'authentication_required',
  message: 'Your card was declined. This transaction requires authentication.',
};

function requireAction(
  account: Account,
  invoice: Stripe.Invoice,
  intent: Stripe.PaymentIntent,
  method: Stripe.PaymentMethod,
): StripeFailure {
  // Stripe tries the card first, and leaves a failed charge beside the payment that waits.
  const charge = createCharge(
    account,
    intent,
    method,
    account.now(invoice.test_clock),
    UNCONFIRMED,
  );
  account.set(intent, {
    status: 'requires_action',
    latest_charge: charge.id,
    last_payment_error: null,
    next_action: { type: 'use_stripe_sdk' },
    payment_method: method.id,
  });
  account.emit('payment_intent.requires_action', intent);
  fail(account, invoice);
  account.emit('invoice.payment_action_required', invoice);
  return new StripeFailure(
    402,
    'card_error',
    'This payment requires additional user action before it can be completed successfully. Payment can be completed using the PaymentIntent associated with the invoice.',
    {
      code: 'invoice_payment_intent_requires_action',
      payment_intent: intent,
      payment_method: method,
    },
  );
}

function fail(account: Account, invoice: Stripe.Invoice): void {
  account.set(invoice, { attempted: true });
  account.emit('invoice.payment_failed', invoice);
  account.emit('invoice.updated', invoice, { attempted: false });
  afterFailure(account, invoice);
}
