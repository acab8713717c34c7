import Stripe from 'stripe';
import { type Account, idOf, newId } from '../account.js';
import { amounts } from './draft.js';
import { itemLine, pricingOf } from './lines.js';
import type { Period } from './period.js';

export function invoiceItem(
  account: Account,
  wish: {
    customer: string;
    subscription?: string | null;
    invoice?: string | null;
    amount: number;
    currency: string;
    description?: string | null;
    metadata?: Stripe.Metadata;
    period?: Period | undefined;
    proration?: boolean;
    price?: Stripe.Price | null;
    quantity?: number;
  },
): Stripe.InvoiceItem {
  const clock = account.get('customer', wish.customer, 'customer').test_clock ?? null;
  const now = account.now(clock);
  return {
    id: newId('ii'),
    object: 'invoiceitem',
    amount: wish.amount,
    currency: wish.currency,
    customer: wish.customer,
    customer_account: null,
    date: now,
    description: wish.description ?? null,
    discountable: !wish.proration,
    discounts: [],
    invoice: wish.invoice ?? null,
    livemode: false,
    metadata: wish.metadata ?? {},
    parent: wish.subscription
      ? { subscription_details: { subscription: wish.subscription }, type: 'subscription_details' }
      : null,
    period: wish.period ?? { start: now, end: now },
    pricing: wish.price
      ? pricingOf(wish.price)
      : { type: 'price_details', unit_amount_decimal: Stripe.Decimal.from(wish.amount) },
    proration: wish.proration ?? false,
    quantity: wish.quantity ?? 1,
    quantity_decimal: Stripe.Decimal.from(wish.quantity ?? 1),
    tax_rates: [],
    test_clock: clock && idOf(clock),
  };
}

/** What waits for the next invoice: the customer's own items, and those of the subscription. */
export function pendingItems(
  account: Account,
  customer: string,
  subscription: string | null,
): Stripe.InvoiceItem[] {
  return account.store
    .all('invoiceitem', { customer, invoice: null })
    .filter((item) => {
      const bound = item.parent?.subscription_details?.subscription;
      return bound === undefined || bound === subscription;
    })
    .reverse();
}

/** Puts pending items on a draft. */
export function pullIn(
  account: Account,
  invoice: Stripe.Invoice,
  items: Stripe.InvoiceItem[],
): void {
  for (const item of items) account.set(item, { invoice: invoice.id });
  const added = items.map((item) => ({ ...itemLine(item), invoice: invoice.id }));
  if (added.length > 0) replaceLines(account, invoice, [...invoice.lines.data, ...added]);
}

export function replaceLines(
  account: Account,
  invoice: Stripe.Invoice,
  lines: Stripe.InvoiceLineItem[],
): void {
  account.update(invoice, { lines: { ...invoice.lines, data: lines }, ...amounts(lines) });
}
