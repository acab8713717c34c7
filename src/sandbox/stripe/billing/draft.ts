import type Stripe from 'stripe';
import { type Account, newId } from '../account.js';
import type { Period } from './period.js';

export interface Draft {
  customer: Stripe.Customer;
  subscription: Stripe.Subscription | null;
  reason: Stripe.Invoice.BillingReason;
  period: Period;
  lines: Stripe.InvoiceLineItem[];
  autoAdvance: boolean;
  /** Null: only the API finalises it. */
  finalizesAt: number | null;
  collectionMethod?: Stripe.Invoice.CollectionMethod | undefined;
  currency?: string | undefined;
  dueDate?: number | null;
  defaultPaymentMethod?: string | null;
  description?: string | null;
  metadata?: Stripe.Metadata;
}

/** A draft invoice, and its `invoice.created`. */
export function createDraft(account: Account, draft: Draft): Stripe.Invoice {
  const { customer, subscription } = draft;
  const id = newId('in');
  const created = account.now(customer.test_clock ?? null);
  return account.create<Stripe.Invoice>({
    id,
    object: 'invoice',
    account_tax_ids: null,
    application: null,
    custom_fields: null,
    customer_account: null,
    customer_address: null,
    customer_phone: null,
    customer_shipping: null,
    default_source: null,
    effective_at: null,
    ending_balance: null,
    footer: null,
    from_invoice: null,
    hosted_invoice_url: null,
    invoice_pdf: null,
    last_finalization_error: null,
    latest_revision: null,
    number: null,
    on_behalf_of: null,
    receipt_number: null,
    rendering: null,
    shipping_cost: null,
    shipping_details: null,
    statement_descriptor: null,
    webhooks_delivered_at: null,
    account_country: 'ID',
    account_name: 'Sandbox',
    ...amounts(draft.lines),
    amount_overpaid: 0,
    amount_shipping: 0,
    attempt_count: 0,
    attempted: false,
    auto_advance: draft.autoAdvance,
    automatic_tax: {
      disabled_reason: null,
      enabled: false,
      liability: null,
      provider: null,
      status: null,
    },
    automatically_finalizes_at: draft.autoAdvance ? draft.finalizesAt : null,
    billing_reason: draft.reason,
    collection_method: draft.collectionMethod ?? 'charge_automatically',
    created,
    currency: draft.currency ?? draft.lines[0]?.currency ?? subscription?.currency ?? 'idr',
    customer: customer.id,
    customer_email: customer.email,
    customer_name: customer.name ?? null,
    customer_tax_exempt: 'none',
    default_payment_method: draft.defaultPaymentMethod ?? null,
    default_tax_rates: [],
    description: draft.description ?? null,
    discounts: [],
    due_date: draft.dueDate ?? null,
    issuer: { type: 'self' },
    lines: {
      object: 'list',
      data: draft.lines.map((line) => ({ ...line, invoice: id })),
      has_more: false,
      url: `/v1/invoices/${id}/lines`,
    },
    livemode: false,
    metadata: draft.metadata ?? {},
    next_payment_attempt: draft.autoAdvance ? draft.finalizesAt : null,
    parent: subscription && {
      quote_details: null,
      subscription_details: { metadata: subscription.metadata, subscription: subscription.id },
      type: 'subscription_details',
    },
    payment_settings: {
      default_mandate: null,
      payment_method_options: null,
      payment_method_types: null,
    },
    period_end: draft.period.end,
    period_start: draft.period.start,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    starting_balance: 0,
    status: 'draft',
    status_transitions: {
      finalized_at: null,
      marked_uncollectible_at: null,
      paid_at: null,
      voided_at: null,
    },
    test_clock: customer.test_clock ?? null,
    total_discount_amounts: [],
    total_pretax_credit_amounts: [],
    total_taxes: [],
  });
}

/** What is owed for these lines, with the customer's balance (negative: a credit) taken in. */
export function amounts(lines: Stripe.InvoiceLineItem[], startingBalance = 0) {
  const total = lines.reduce((sum, line) => sum + line.amount, 0);
  const due = Math.max(0, total + startingBalance);
  return {
    subtotal: total,
    subtotal_excluding_tax: total,
    total,
    total_excluding_tax: total,
    amount_due: due,
    amount_paid: 0,
    amount_remaining: due,
  };
}
