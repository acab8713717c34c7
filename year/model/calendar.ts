/** Time as Stripe tells it: whole seconds since 1970. */
export type Second = number;

export const HOUR = 3_600;
export const DAY = 24 * HOUR;

/** So many months later, in UTC: the 31st of a month without one is its last day. */
export function monthsAfter(anchor: Second, count: number): Second {
  const from = new Date(anchor * 1_000);
  const firstOf = (months: number) =>
    Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months, 1) / 1_000;
  const lastDay = (firstOf(count + 1) - firstOf(count)) / DAY;
  const day = Math.min(from.getUTCDate(), lastDay);
  const sinceMidnight = anchor % DAY;
  return firstOf(count) + (day - 1) * DAY + sinceMidnight;
}

/** As it is compared: to the hour, for between two clocks that go in step lie some seconds. */
export function hour(at: Second): string {
  return new Date(Math.round(at / HOUR) * HOUR * 1_000).toISOString().slice(0, 13);
}
