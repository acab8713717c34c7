import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  dayAt,
  nextPeriod,
  type Period,
  parsePeriod,
  periodAt,
  previousPeriod,
} from '../../src/domain/period.js';

const period = (id: string, zone: string): Period => {
  const parsed = parsePeriod(id, zone);
  if (parsed === undefined) throw new Error(`no period: ${id}`);
  return parsed;
};

const HOUR = 3_600_000;
const hours = ({ start, end }: Period) => (end.getTime() - start.getTime()) / HOUR;

describe('R6: a period is a calendar month in the billing time zone', () => {
  test.each([
    // Jakarta has no daylight saving: 1 November 00:00 WIB is 31 October 17:00 UTC.
    ['2026-11', 'Asia/Jakarta', '2026-10-31T17:00:00.000Z', '2026-11-30T17:00:00.000Z'],
    // The year turns over.
    ['2026-12', 'Asia/Jakarta', '2026-11-30T17:00:00.000Z', '2026-12-31T17:00:00.000Z'],
    // A leap year, and the century that is none.
    ['2028-02', 'Asia/Jakarta', '2028-01-31T17:00:00.000Z', '2028-02-29T17:00:00.000Z'],
    ['2100-02', 'Asia/Jakarta', '2100-01-31T17:00:00.000Z', '2100-02-28T17:00:00.000Z'],
    // Daylight saving begins or ends in the month.
    ['2026-03', 'America/New_York', '2026-03-01T05:00:00.000Z', '2026-04-01T04:00:00.000Z'],
    ['2026-11', 'America/New_York', '2026-11-01T04:00:00.000Z', '2026-12-01T05:00:00.000Z'],
    ['2026-10', 'Europe/London', '2026-09-30T23:00:00.000Z', '2026-11-01T00:00:00.000Z'],
    // Half an hour of daylight saving.
    ['2026-04', 'Australia/Lord_Howe', '2026-03-31T13:00:00.000Z', '2026-04-30T13:30:00.000Z'],
    // The month's first midnight is skipped: 1 October 2023 began at 01:00.
    ['2023-10', 'America/Asuncion', '2023-10-01T04:00:00.000Z', '2023-11-01T03:00:00.000Z'],
    // At the midnight that ends the month the clock goes back to 23:00.
    ['2024-10', 'Africa/Cairo', '2024-09-30T21:00:00.000Z', '2024-10-31T22:00:00.000Z'],
    // The first hour of the month comes twice.
    ['2026-11', 'America/Havana', '2026-11-01T04:00:00.000Z', '2026-12-01T05:00:00.000Z'],
  ])('%s in %s is [%s, %s)', (id, zone, start, end) => {
    expect(period(id, zone)).toEqual({ id, start: new Date(start), end: new Date(end) });
  });

  test('the end belongs to the next period, the millisecond before it to this one', () => {
    const november = new Date('2026-10-31T17:00:00.000Z');
    expect(periodAt(november, 'Asia/Jakarta').id).toBe('2026-11');
    expect(periodAt(new Date(november.getTime() - 1), 'Asia/Jakarta').id).toBe('2026-10');
  });

  test('a month with a change of clocks is shorter or longer by it', () => {
    expect(hours(period('2026-03', 'America/New_York'))).toBe(31 * 24 - 1);
    expect(hours(period('2026-11', 'America/New_York'))).toBe(30 * 24 + 1);
    expect(hours(period('2026-10', 'Australia/Lord_Howe'))).toBe(31 * 24 - 0.5);
  });
});

describe('R6: periods tile time', () => {
  const zones = fc.constantFrom(
    'Asia/Jakarta',
    'America/New_York',
    'Europe/London',
    'Australia/Lord_Howe',
    'America/Santiago',
    'America/Asuncion',
    'Africa/Cairo',
    'Pacific/Kiritimati',
    'UTC',
  );
  const instants = fc.date({
    min: new Date('2020-01-01T00:00:00Z'),
    max: new Date('2060-01-01T00:00:00Z'),
    noInvalidDate: true,
  });

  test('every instant lies in its period, which is the month that a clock there shows', () => {
    fc.assert(
      fc.property(instants, zones, (instant, zone) => {
        const { id, start, end } = periodAt(instant, zone);
        expect(start.getTime()).toBeLessThanOrEqual(instant.getTime());
        expect(instant.getTime()).toBeLessThan(end.getTime());
        const clock = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' });
        expect(dayAt(instant, zone)).toBe(clock.format(instant));
        expect(dayAt(instant, zone).slice(0, 7)).toBe(id);
      }),
    );
  });

  test('neighbours touch: no gap, no overlap, and there is a way back', () => {
    fc.assert(
      fc.property(instants, zones, (instant, zone) => {
        const here = periodAt(instant, zone);
        const before = previousPeriod(here, zone);
        const behind = nextPeriod(here, zone);
        expect(before.end).toEqual(here.start);
        expect(behind.start).toEqual(here.end);
        expect(nextPeriod(before, zone)).toEqual(here);
        expect(previousPeriod(behind, zone)).toEqual(here);
        expect(periodAt(here.start, zone)).toEqual(here);
        expect(periodAt(here.end, zone)).toEqual(behind);
        expect(periodAt(new Date(here.start.getTime() - 1), zone)).toEqual(before);
      }),
    );
  });

  test('a period is known by its name', () => {
    fc.assert(
      fc.property(instants, zones, (instant, zone) => {
        const here = periodAt(instant, zone);
        expect(parsePeriod(here.id, zone)).toEqual(here);
      }),
    );
  });
});

test.each(['2026-13', '2026-00', '2026-1', '26-01', '2026-11-01', '2026-11 ', '', 'november'])(
  'R6: "%s" names no period',
  (id) => {
    expect(parsePeriod(id, 'Asia/Jakarta')).toBeUndefined();
  },
);
