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
  const local = Temporal.Instant.fromEpochMilliseconds(instant.getTime()).toZonedDateTimeISO(zone);
  return local.toPlainDate().toString();
}

function monthPeriod(month: Temporal.PlainYearMonth, zone: string): Period {
  return {
    id: month.toString(),
    start: startOf(month, zone),
    end: startOf(month.add({ months: 1 }), zone),
  };
}

/** The first instant of the month: where midnight does not exist (daylight saving), the first that does. */
function startOf(month: Temporal.PlainYearMonth, zone: string): Date {
  const start = month.toPlainDate({ day: 1 }).toZonedDateTime({ timeZone: zone });
  return new Date(start.epochMilliseconds);
}
