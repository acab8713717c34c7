import type Stripe from 'stripe';

export const HOUR = 3600;
export const DAY = 24 * HOUR;

export interface Period {
  start: number;
  end: number;
}

/** The current period, which Stripe keeps on each item; here all items share one. */
export function periodOf(subscription: Stripe.Subscription): Period {
  const item = subscription.items.data[0];
  if (!item) throw new Error(`Subscription ${subscription.id} has no item.`);
  return { start: item.current_period_start, end: item.current_period_end };
}

/** The end of the period that starts at `start`: the next one of the moments that the anchor gives. */
export function periodEnd(
  anchor: number,
  start: number,
  recurring: Stripe.Price.Recurring,
): number {
  if (anchor > start) return anchor;
  for (let n = 1; ; n += 1) {
    const end = addInterval(anchor, recurring.interval, recurring.interval_count * n);
    if (end > start) return end;
  }
}

export function addInterval(
  from: number,
  interval: Stripe.Price.Recurring.Interval,
  count: number,
): number {
  if (interval === 'day') return from + count * DAY;
  if (interval === 'week') return from + count * 7 * DAY;
  const date = new Date(from * 1000);
  const day = date.getUTCDate();
  date.setUTCMonth(date.getUTCMonth() + count * (interval === 'year' ? 12 : 1));
  // The 31st of a month without one is its last day, not the first of the next.
  if (date.getUTCDate() !== day) date.setUTCDate(0);
  return date.getTime() / 1000;
}
