import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Calendar, dayAt, periodAt } from '../../src/domain/period.js';
import { retainedSince } from '../../src/domain/retention.js';

const instants = fc.date({
  min: new Date('2024-01-01T00:00:00Z'),
  max: new Date('2028-01-01T00:00:00Z'),
  noInvalidDate: true,
});

describe('R6: a calendar remembers periods and days, and says the same as without', () => {
  const zones = fc.constantFrom(
    'Asia/Jakarta',
    'America/New_York',
    'Australia/Lord_Howe',
    'Africa/Cairo',
    'America/Havana',
    'Pacific/Kiritimati',
    'Pacific/Pago_Pago',
    'UTC',
  );

  function saysTheSame(zone: string, asked: readonly Date[]): void {
    const calendar = new Calendar(zone);
    for (const instant of asked) {
      expect(calendar.periodAt(instant)).toEqual(periodAt(instant, zone));
      expect(calendar.dayAt(instant)).toBe(dayAt(instant, zone));
    }
  }

  test('of any instants, in any order', () => {
    const asked = fc.array(instants, { minLength: 1, maxLength: 15 });
    fc.assert(fc.property(zones, asked, saysTheSame), { numRuns: 60 });
  });

  test('at both sides of where a month or a day ends', () => {
    fc.assert(
      fc.property(zones, instants, (zone, instant) => {
        const { start, end } = periodAt(instant, zone);
        const edges = [start, end].map((edge) => edge.getTime());
        const around = edges.flatMap((edge) => [edge - 1, edge, edge + 86_400_000 - 1]);
        saysTheSame(zone, [instant, ...around.map((ms) => new Date(ms))]);
      }),
      { numRuns: 60 },
    );
  });

  test('also of more months than it remembers', () => {
    const months = Array.from({ length: 24 }, (_, month) => new Date(Date.UTC(2025, month, 15)));
    saysTheSame('Asia/Jakarta', [...months, ...months.toReversed(), ...months]);
  });
});

describe('usage is kept for months of the calendar', () => {
  test.each([
    ['2026-11-24T12:00:00.000Z', 13, '2025-10-24T12:00:00.000Z'],
    ['2026-01-01T00:00:00.000Z', 1, '2025-12-01T00:00:00.000Z'],
    // A month that has no such day gives its last one.
    ['2026-03-31T08:00:00.000Z', 1, '2026-02-28T08:00:00.000Z'],
    ['2028-03-30T08:00:00.000Z', 1, '2028-02-29T08:00:00.000Z'],
    ['2029-02-28T23:59:59.999Z', 120, '2019-02-28T23:59:59.999Z'],
  ])('at %s, of %i months, since %s', (now, months, since) => {
    expect(retainedSince(new Date(now), months)).toEqual(new Date(since));
  });

  test('never before the month that lies so many back, nor after it', () => {
    const monthOf = (at: Date) => at.getUTCFullYear() * 12 + at.getUTCMonth();
    fc.assert(
      fc.property(instants, fc.integer({ min: 1, max: 120 }), (now, months) => {
        expect(monthOf(retainedSince(now, months))).toBe(monthOf(now) - months);
      }),
    );
  });
});
