import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { catalogue, highestPlan, type Plan, planIds } from '../../src/domain/plans.js';
import { rate } from '../../src/domain/rating.js';

const { free, pro, enterprise } = catalogue.plans;

describe('R3: the plans', () => {
  test('Free: 500 tokens, and a hard limit', () => {
    expect(free).toMatchObject({ monthlyPrice: 0, tokenLimit: 500, ratePer1000: null });
  });
  test('Pro: Rp 299,000, 50,000 tokens, Rp 10 per 1,000 more', () => {
    expect(pro).toMatchObject({ monthlyPrice: 29_900_000, tokenLimit: 50_000, ratePer1000: 1_000 });
  });
  test('Enterprise: Rp 999,000, 500,000 tokens, Rp 10 per 1,000 more', () => {
    expect(enterprise).toMatchObject({
      monthlyPrice: 99_900_000,
      tokenLimit: 500_000,
      ratePer1000: 1_000,
    });
  });
});

describe('R2: overage is max(0, used − limit) ÷ 1000 × rate', () => {
  test.each([
    [pro, 0, { remainingTokens: 50_000, overageTokens: 0, overageCost: 0 }],
    [pro, 50_000, { remainingTokens: 0, overageTokens: 0, overageCost: 0 }],
    [pro, 50_001, { remainingTokens: 0, overageTokens: 1, overageCost: 1 }],
    // Rp 2,500 for 250,000 tokens more.
    [pro, 300_000, { remainingTokens: 0, overageTokens: 250_000, overageCost: 250_000 }],
    [enterprise, 300_000, { remainingTokens: 200_000, overageTokens: 0, overageCost: 0 }],
    [free, 400, { remainingTokens: 100, overageTokens: 0, overageCost: 0, ratePer1000: null }],
    // R3: what happened all the same beyond Free's limit is never charged.
    [free, 9_999, { remainingTokens: 0, overageTokens: 0, overageCost: 0, ratePer1000: null }],
  ])('$id, %i tokens used', (plan, usedTokens, expected) => {
    expect(rate(plan, usedTokens)).toMatchObject({
      usedTokens,
      tokenLimit: plan.tokenLimit,
      ...expected,
    });
  });

  test.each([
    [1, 499, 0],
    [1, 500, 1],
    [1, 1_499, 1],
    [1, 1_500, 2],
    [333, 1, 0],
    [333, 2, 1],
    [1_001, 500, 501],
    [1_500, 1, 2],
  ])('at %i minor units per 1,000, %i tokens cost %i: half up, once', (ratePer1000, over, cost) => {
    const plan: Plan = { ...pro, ratePer1000 };
    expect(rate(plan, plan.tokenLimit + over).overageCost).toBe(cost);
  });

  const plans = fc.record({
    id: fc.constantFrom(...planIds),
    monthlyPrice: fc.nat(),
    tokenLimit: fc.nat({ max: 10 ** 9 }),
    ratePer1000: fc.oneof(fc.nat({ max: 10 ** 6 }), fc.constant(null)),
  });
  const tokens = fc.nat({ max: 10 ** 12 });

  test('the cost is exact to the minor unit, also where tokens × rate passes 2⁵³', () => {
    fc.assert(
      fc.property(plans, tokens, (plan, used) => {
        const { overageTokens, overageCost } = rate(plan, used);
        const exact = BigInt(overageTokens) * BigInt(plan.ratePer1000 ?? 0);
        const rounding = BigInt(overageCost) * 1000n - exact;
        expect(rounding > -500n && rounding <= 500n).toBe(true);
      }),
    );
  });

  test('at Rp 10 per 1,000 a token costs one minor unit', () => {
    fc.assert(
      fc.property(fc.constantFrom(pro, enterprise), tokens, (plan, used) => {
        const { overageTokens, overageCost } = rate(plan, used);
        expect(overageCost).toBe(overageTokens);
      }),
    );
  });

  test('more usage never costs less', () => {
    fc.assert(
      fc.property(plans, tokens, tokens, (plan, used, more) => {
        expect(rate(plan, used + more).overageCost).toBeGreaterThanOrEqual(
          rate(plan, used).overageCost,
        );
      }),
    );
  });

  test('up to the limit it costs nothing, and no token is lost between what is left and what is over', () => {
    fc.assert(
      fc.property(plans, tokens, (plan, used) => {
        const { remainingTokens, overageTokens, overageCost } = rate(plan, used);
        if (used <= plan.tokenLimit) expect(overageCost).toBe(0);
        expect(remainingTokens).toBe(Math.max(0, plan.tokenLimit - used));
        const over = Math.max(0, used - plan.tokenLimit);
        expect(overageTokens).toBe(plan.ratePer1000 === null ? 0 : over);
      }),
    );
  });
});

describe('R4: a period follows the highest plan held in it', () => {
  test.each([
    [[], 'free'],
    [['free'], 'free'],
    [['pro', 'free'], 'pro'],
    [['pro', 'enterprise', 'free'], 'enterprise'],
  ] as const)('of %j it is %s', (held, highest) => {
    expect(highestPlan(held)).toBe(highest);
  });

  test('holding one more plan never makes the same usage dearer, in whatever order they were held', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('pro', 'enterprise'), { minLength: 1 }),
        fc.constantFrom(...planIds),
        fc.nat({ max: 10 ** 9 }),
        (held, another, used) => {
          const cost = (plans: typeof held | (typeof another)[]) =>
            rate(catalogue.plans[highestPlan(plans)], used).overageCost;
          expect(cost([...held, another])).toBeLessThanOrEqual(cost(held));
          expect(cost([another, ...held])).toBe(cost([...held, another]));
        },
      ),
    );
  });
});
