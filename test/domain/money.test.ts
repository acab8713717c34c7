import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decimal, display } from '../../src/domain/money.js';

const rupiah = (amount: number) => display({ amount, currency: 'idr' });

test.each([
  [29_900_000, 'Rp\u00a0299.000'],
  [99_900_000, 'Rp\u00a0999.000'],
  [0, 'Rp\u00a00'],
  [1, 'Rp\u00a00,01'],
  [11_234, 'Rp\u00a0112,34'],
  [11_230, 'Rp\u00a0112,30'],
  [-11_234, '-Rp\u00a0112,34'],
  [-29_900_000, '-Rp\u00a0299.000'],
  [123_456_789_012, 'Rp\u00a01.234.567.890,12'],
])('R1: %i minor units are shown as %s', (amount, shown) => {
  expect(rupiah(amount)).toBe(shown);
});

const amounts = fc.integer({ min: -(10 ** 15), max: 10 ** 15 });

test('R1: what is shown is the amount, to the minor unit', () => {
  fc.assert(
    fc.property(amounts, (amount) => {
      const shown = rupiah(amount);
      const digits = shown.replace(/[^\d-]/g, '');
      expect(Number(shown.includes(',') ? digits : `${digits}00`)).toBe(amount);
    }),
  );
});

test('R1: whole rupiah have no decimals, all others two', () => {
  fc.assert(
    fc.property(amounts, (amount) => {
      expect(rupiah(amount)).toMatch(amount % 100 === 0 ? /^[^,]+$/ : /^[^,]+,\d\d$/);
      expect(rupiah(amount - (amount % 100))).not.toContain(',');
    }),
  );
});

test.each<[number | bigint, string]>([
  [29_900_000, '299000.00'],
  [0, '0.00'],
  [-1, '-0.01'],
  [-11_230, '-112.30'],
  [2n ** 64n, '184467440737095516.16'],
])('R1: %s minor units are the decimal %s, exactly', (amount, shown) => {
  expect(decimal(amount)).toBe(shown);
});
