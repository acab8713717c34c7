import { Temporal } from 'temporal-polyfill';

/** A usage period: the instants from `start` up to, not including, `end` (R6). */
export interface Period {
  /** `YYYY-MM`, the calendar month in the billing time zone. */
  id: string;
  start: Date;
  end: Date;
}

/** The period that an instant lies in. `zone` is an IANA name, such as `Asia/Jakarta`. */
export function periodAt(instant: Date, zone: string): Period {
  const local = Temporal.Instant.fromEpochMilliseconds(instant.getTime()).toZonedDateTimeISO(zone);
  return monthPeriod(local.toPlainDate().toPlainYearMonth(), zone);
}

/** The period named `YYYY-MM`; `undefined` when it is no such name. */
export function parsePeriod(id: string, zone: string): Period | undefined {
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(id)) return undefined;
  return monthPeriod(Temporal.PlainYearMonth.from(id), zone);
}

/** The period that ends where this one starts. */
export function previousPeriod(period: Period, zone: string): Period {
  return monthPeriod(Temporal.PlainYearMonth.from(period.id).subtract({ months: 1 }), zone);
}

/** The period that starts where this one ends. */
export function nextPeriod(period: Period, zone: string): Period {
  return monthPeriod(Temporal.PlainYearMonth.from(period.id).add({ months: 1 }), zone);
}

/** The calendar day in the billing time zone, `YYYY-MM-DD`. */
export function dayAt(instant: Date, zone: string): string {
  return dayBounds(instant, zone).id;
}

/**
 * The periods and days of a time zone, for where they are asked for thousands of times a second: to
 * find one takes some 30 µs, to remember it nothing.
 */
export class Calendar {
  private readonly periods: Period[] = [];
  private readonly days: { id: string; start: Date; end: Date }[] = [];

  constructor(readonly zone: string) {}

  periodAt(instant: Date): Period {
    return remembered(this.periods, instant, () => periodAt(instant, this.zone));
  }

  /** The calendar day, `YYYY-MM-DD`. */
  dayAt(instant: Date): string {
    return remembered(this.days, instant, () => dayBounds(instant, this.zone)).id;
  }
}

/** Late events spread over few months and days. */
const REMEMBERED = 8;

/** The interval of `known` that holds the instant, else the one that is found, which joins them. */
function remembered<I extends { start: Date; end: Date }>(
  known: I[],
  instant: Date,
  find: () => I,
): I {
  const at = known.find(({ start, end }) => start <= instant && instant < end);
  if (at !== undefined) return at;
  const found = find();
  known.unshift(found);
  known.length = Math.min(known.length, REMEMBERED);
  return found;
}

function dayBounds(instant: Date, zone: string): { id: string; start: Date; end: Date } {
  const local = Temporal.Instant.fromEpochMilliseconds(instant.getTime()).toZonedDateTimeISO(zone);
  const day = local.toPlainDate();
  return {
    id: day.toString(),
    start: startOf(day, zone),
    end: startOf(day.add({ days: 1 }), zone),
  };
}

function monthPeriod(month: Temporal.PlainYearMonth, zone: string): Period {
  return {
    id: month.toString(),
    start: startOf(month.toPlainDate({ day: 1 }), zone),
    end: startOf(month.add({ months: 1 }).toPlainDate({ day: 1 }), zone),
  };
}

/** The first instant of the day: where midnight does not exist (daylight saving), the first that does. */
function startOf(day: Temporal.PlainDate, zone: string): Date {
  return new Date(day.toZonedDateTime({ timeZone: zone }).epochMilliseconds);
}
