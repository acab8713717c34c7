import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { catalogue } from '../../src/domain/plans.js';
import { runningTotals } from '../../src/domain/runningTotals.js';
import { thresholdCrossed } from '../../src/domain/threshold.js';

describe('R14: the thresholds are 80 and 100 % of the limit', () => {
  test.each([
    [500, 0, 399, null],
    [500, 399, 400, 'usage-80'],
    [500, 0, 400, 'usage-80'],
    [500, 400, 499, null],
    [500, 400, 500, 'usage-100'],
    [500, 499, 9_999, 'usage-100'],
    [500, 500, 501, null],
    [500, 600, 400, null],
    [500, 400, 400, null],
    // Over both at once only the higher one is told of.
    [500, 0, 500, 'usage-100'],
    [500, 399, 500, 'usage-100'],
    // 80 % of a limit that is no multiple of five lies between two tokens.
    [7, 0, 5, null],
    [7, 5, 6, 'usage-80'],
    [1, 0, 1, 'usage-100'],
    [50_000, 39_999, 40_000, 'usage-80'],
    [500_000, 499_999, 500_000, 'usage-100'],
  ] as const)('of %i tokens from %i to %i: %s', (limit, before, after, crossed) => {
    expect(thresholdCrossed(limit, before, after)).toBe(crossed);
  });

  const limits = fc.constantFrom(...Object.values(catalogue.plans).map((plan) => plan.tokenLimit));
  const steps = fc.array(fc.integer({ min: 1, max: 200_000 }), { maxLength: 30 });

  test('usage that only grows comes over each at most once, over the last one when it is over it', () => {
    fc.assert(
      fc.property(limits, steps, (limit, tokens) => {
        let used = 0;
        const crossed = tokens.flatMap((more) => {
          const before = used;
          used += more;
          return thresholdCrossed(limit, before, used) ?? [];
        });
        expect(new Set(crossed).size).toBe(crossed.length);
        expect(crossed.includes('usage-100')).toBe(used >= limit);
        expect(crossed.length > 0).toBe(used >= limit * 0.8);
        expect(crossed.toSorted((a, b) => b.length - a.length).at(-1)).toBe(crossed[0]);
      }),
    );
  });
});

describe('R9: each of several events has the total as of itself', () => {
  test.each([
    [10, [], { before: 10, after: [], peak: 10 }],
    [10, [3], { before: 7, after: [10], peak: 10 }],
    [6, [1, 2, 3], { before: 0, after: [1, 3, 6], peak: 6 }],
    // A correction between them: the most is neither the first nor the last.
    [50, [480, -450], { before: 20, after: [500, 50], peak: 500 }],
    [5, [-20, 5], { before: 20, after: [0, 5], peak: 20 }],
  ])('up to %i by %j', (total, tokens, expected) => {
    const events = tokens.map((one) => ({ tokens: one }));
    expect(runningTotals(total, events)).toEqual(expected);
  });

  test('the last one is the total, and all lie between the one before and the most', () => {
    const events = fc.array(fc.record({ tokens: fc.integer({ min: -1_000, max: 1_000 }) }));
    fc.assert(
      fc.property(fc.nat(), events, (total, added) => {
        const { before, after, peak } = runningTotals(total, added);
        expect(after).toHaveLength(added.length);
        expect(after.at(-1) ?? before).toBe(total);
        expect(peak).toBe(Math.max(before, ...after));
        for (const [index, { tokens }] of added.entries()) {
          expect((after[index] ?? 0) - (after[index - 1] ?? before)).toBe(tokens);
        }
      }),
    );
  });
});
