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
): void {
  if (subscription.status === 'trialing' || subscription.status === 'paused') return;
  const { start, end } = periodOf(subscription);
  const share = Math.max(0, Math.min(1, (end - at) / (end - start)));
  const changed = (items: Stripe.SubscriptionItem[], others: Stripe.SubscriptionItem[]) =>
    items.filter(
      (item) =>
        !others.some(
          (o) => o.id === item.id && o.price.id === item.price.id && o.quantity === item.quantity,
        ),
    );
  for (const [items, sign, words] of [
    [changed(before, after), -1, 'Unused time on'],
    [changed(after, before), 1, 'Remaining time on'],
  ] as const)
    for (const { price, quantity = 1 } of items)
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
      );
}
