import type Stripe from 'stripe';
import { type Account, idOf } from '../account.js';
import { invoiceItem } from './pending.js';
import { periodOf } from './period.js';

/** One credit for the unused time at the old prices, one charge for the remaining time at the new ones. */
export function prorate(
  account: Account,
  subscription: Stripe.Subscription,
  before: Stripe.SubscriptionItem[],
  after: Stripe.SubscriptionItem[],
  at: number,
): Stripe.InvoiceItem[] {
  if (subscription.status === 'trialing' || subscription.status === 'paused') return [];
  const { start, end } = periodOf(subscription);
  const share = Math.max(0, Math.min(1, (end - at) / (end - start)));
  const changed = (items: Stripe.SubscriptionItem[], others: Stripe.SubscriptionItem[]) =>
    items.filter(
      (item) =>
        !others.some(
          (o) => o.id === item.id && o.price.id === item.price.id && o.quantity === item.quantity,
        ),
    );
  const sides = [
    { items: changed(before, after), sign: -1, words: 'Unused time on' },
    { items: changed(after, before), sign: 1, words: 'Remaining time on' },
  ];
  return sides.flatMap(({ items, sign, words }) =>
    items.map(({ price, quantity = 1 }) =>
      account.create(
        invoiceItem(account, {
          customer: idOf(subscription.customer),
          subscription: subscription.id,
          amount: sign * Math.round((price.unit_amount ?? 0) * quantity * share),
          currency: price.currency,
          description: `${words} ${quantity} × ${price.nickname ?? price.id}`,
          period: { start: at, end },
          proration: true,
          price,
        }),
      ),
    ),
  );
}
