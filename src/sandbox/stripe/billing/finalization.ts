import type Stripe from 'stripe';
import { invalid } from '../../http/error.js';
import { type Account, idOf, newId } from '../account.js';
import { amounts } from './draft.js';
import { createPaymentIntent, paymentIntentOf } from './paymentIntent.js';
import { HOUR } from './period.js';

/** Draft to open: a number, a page, a payment intent. What costs nothing is paid at once by the caller. */
export function finalize(
  account: Account,
  invoice: Stripe.Invoice,
  autoAdvance = invoice.auto_advance,
): void {
  if (invoice.status !== 'draft')
    throw invalid("This invoice is already finalized, you can't re-finalize a non-draft invoice.");
  const customer = account.get('customer', idOf(invoice.customer ?? ''));
  const now = account.now(invoice.test_clock);
  const due = amounts(invoice.lines.data, customer.balance);
  const balance = Math.min(0, due.total + customer.balance);
  account.set(invoice, {
    ...due,
    auto_advance: autoAdvance ?? false,
    automatically_finalizes_at: null,
    effective_at: now,
    ending_balance: balance,
    hosted_invoice_url: `${account.pages()}/i/${invoice.id}`,
    next_payment_attempt:
      autoAdvance && invoice.collection_method === 'charge_automatically' ? now + HOUR : null,
    number: `${customer.invoice_prefix}-${String(customer.next_invoice_sequence).padStart(4, '0')}`,
    starting_balance: customer.balance,
    status: 'open',
    status_transitions: { ...invoice.status_transitions, finalized_at: now },
  });
  account.set(customer, {
    balance,
    next_invoice_sequence: (customer.next_invoice_sequence ?? 1) + 1,
  });
  if (invoice.amount_due > 0) requestPayment(account, invoice);
  account.emit('invoice.finalized', invoice);
}

function requestPayment(account: Account, invoice: Stripe.Invoice): void {
  const intent = createPaymentIntent(account, invoice);
  account.create({
    id: newId('inpay'),
    object: 'invoice_payment',
    amount_paid: null,
    amount_requested: invoice.amount_due,
    created: intent.created,
    currency: invoice.currency,
    invoice: invoice.id,
    is_default: true,
    livemode: false,
    payment: { payment_intent: intent.id, type: 'payment_intent' },
    status: 'open',
    status_transitions: { canceled_at: null, paid_at: null },
  });
}

/** Takes an invoice out of collection: nothing is tried any more. */
export function close(
  account: Account,
  invoice: Stripe.Invoice,
  status: 'void' | 'uncollectible',
): void {
  const open =
    invoice.status === 'open' || (status === 'void' && invoice.status === 'uncollectible');
  if (!open)
    throw invalid(
      `You can only pass in ${status === 'void' ? 'open or uncollectible' : 'open'} invoices. This invoice isn't ${status === 'void' ? 'open or uncollectible' : 'open'}.`,
    );
  const now = account.now(invoice.test_clock);
  if (status === 'void') cancelPayment(account, invoice, now);
  account.set(invoice, {
    status,
    auto_advance: false,
    next_payment_attempt: null,
    status_transitions: {
      ...invoice.status_transitions,
      ...(status === 'void' ? { voided_at: now } : { marked_uncollectible_at: now }),
    },
  });
  account.emit(status === 'void' ? 'invoice.voided' : 'invoice.marked_uncollectible', invoice);
  account.emit('invoice.updated', invoice, { status: 'open' });
}

export function cancelPayment(account: Account, invoice: Stripe.Invoice, now: number): void {
  const intent = paymentIntentOf(account, invoice);
  if (intent) {
    account.set(intent, {
      status: 'canceled',
      canceled_at: now,
      cancellation_reason: 'void_invoice',
      next_action: null,
    });
    account.emit('payment_intent.canceled', intent);
  }
  const payment = account.store.newest('invoice_payment', { invoice: invoice.id });
  if (payment)
    account.set(payment, {
      status: 'canceled',
      status_transitions: { canceled_at: now, paid_at: null },
    });
}

/** The subscription that an invoice belongs to. */
export function subscriptionOf(
  account: Account,
  invoice: Stripe.Invoice,
): Stripe.Subscription | undefined {
  const details = invoice.parent?.subscription_details;
  return details ? account.store.find('subscription', idOf(details.subscription)) : undefined;
}
