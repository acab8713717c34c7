import { Temporal } from 'temporal-polyfill';

/** From when on usage is kept: what is older is refused, and dropped. */
export function retainedSince(now: Date, months: number): Date {
  const instant = Temporal.Instant.fromEpochMilliseconds(now.getTime());
  const since = instant.toZonedDateTimeISO('UTC').subtract({ months });
  return new Date(since.epochMilliseconds);
}
