/** ISO 8601 in UTC with milliseconds, as `Date.toISOString` writes it: such strings sort by time, and survive JSON. */
export type Instant = string;

/** The instant `milliseconds` after `instant`. */
export function after(instant: Instant, milliseconds: number): Instant {
  return new Date(Date.parse(instant) + milliseconds).toISOString();
}
