import Stripe from 'stripe';
import { idOf, newId } from '../account.js';
import type { Period } from './period.js';

/** The lines of a subscription's items for one period. */
export function subscriptionLines(
  subscription: Stripe.Subscription,
  period: Period,
  free = false,
): Stripe.InvoiceLineItem[] {
  return subscription.items.data.map((item) => ({
    ...emptyLine,
    id: newId('il'),
    amount: free ? 0 : (item.price.unit_amount ?? 0) * (item.quantity ?? 1),
    currency: item.price.currency,
    description: `${item.quantity ?? 1} × ${item.price.nickname ?? idOf(item.price.product)}`,
    metadata: subscription.metadata,
    parent: {
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: null,
        proration: false,
        proration_details: { credited_items: null },
        subscription: subscription.id,
        subscription_item: item.id,
      },
      type: 'subscription_item_details',
    },
    period,
    pricing: pricingOf(item.price),
    quantity: item.quantity ?? 1,
    quantity_decimal: Stripe.Decimal.from(item.quantity ?? 1),
    subscription: subscription.id,
    subtotal: free ? 0 : (item.price.unit_amount ?? 0) * (item.quantity ?? 1),
  }));
}

export function itemLine(item: Stripe.InvoiceItem): Stripe.InvoiceLineItem {
  const subscription = item.parent?.subscription_details?.subscription ?? null;
  return {
    ...emptyLine,
    id: newId('il'),
    amount: item.amount,
    currency: item.currency,
    description: item.description,
    metadata: item.metadata ?? {},
    parent: {
      invoice_item_details: {
        invoice_item: item.id,
        proration: item.proration,
        proration_details: { credited_items: null },
        subscription,
      },
      subscription_item_details: null,
      type: 'invoice_item_details',
    },
    period: item.period,
    pricing: item.pricing,
    quantity: item.quantity,
    quantity_decimal: Stripe.Decimal.from(item.quantity),
    subscription,
    subtotal: item.amount,
  };
}

export function pricingOf(price: Stripe.Price): NonNullable<Stripe.InvoiceLineItem['pricing']> {
  return {
    price_details: { price: price.id, product: idOf(price.product) },
    type: 'price_details',
    unit_amount_decimal: price.unit_amount_decimal,
  };
}

const emptyLine = {
  object: 'line_item',
  discount_amounts: [],
  discountable: true,
  discounts: [],
  invoice: null,
  livemode: false,
  pretax_credit_amounts: [],
  taxes: [],
} as const satisfies Partial<Stripe.InvoiceLineItem>;
