import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Evidence, explainRecord, type Step } from '../../src/domain/explanation.js';
import { type Catalogue, catalogue, planIds } from '../../src/domain/plans.js';
import { type BillingInputs, computeRecord } from '../../src/domain/record.js';
import { compareRecord } from '../../src/domain/recordComparison.js';
import { stepText } from '../../src/domain/stepText.js';

/** Prices that do not come out even. */
const odd: Catalogue = {
  ...catalogue,
  version: 'odd',
  plans: { ...catalogue.plans, pro: { ...catalogue.plans.pro, ratePer1000: 333 } },
};
const versions = new Map([catalogue, odd].map((of) => [of.version, of]));

/** A record of these inputs, and a ledger that agrees with them. */
function given(inputs: BillingInputs, prices = catalogue) {
  const record = {
    ...computeRecord(inputs, prices, versions),
    digest: 'd',
    status: 'due',
    stripeInvoiceItemId: null,
    stripeInvoiceId: null,
  };
  const evidence: Evidence = {
    months: [inputs.month, ...inputs.earlier].map(({ period, usedTokens, plansHeld, ...past }) => ({
      period,
      counted: {
        metered: { events: 1, tokens: usedTokens + 5 },
        corrections: { events: 1, tokens: -5 },
      },
      verifiedAt: null,
      held: plansHeld.map((plan) => ({ plan, subscriptionId: 'sub_1', from: period, to: null })),
      notedSince: false,
      billedTokens: 0,
      billedAmount: 0,
      ...past,
    })),
    carried: inputs.carried,
    left: [],
  };
  return { record, evidence };
}

const tokens = fc.integer({ min: 0, max: 2_000_000_000 });
const plansHeld = fc.uniqueArray(fc.constantFrom(...planIds));
const anyInputs: fc.Arbitrary<BillingInputs> = fc.record({
  month: fc.record({ period: fc.constant('2031-03'), usedTokens: tokens, plansHeld }),
  earlier: fc.uniqueArray(
    fc.record({
      period: fc.constantFrom('2031-01', '2031-02'),
      usedTokens: tokens,
      plansHeld,
      planVersion: fc.constantFrom(null, 'odd', catalogue.version),
      billedTokens: tokens,
      billedAmount: tokens,
    }),
    { selector: ({ period }) => period },
  ),
  carried: fc.constantFrom([], [{ period: '2030-12', amount: 700 }]),
});

const amountOf = (step: Step, own: string): number => {
  if (step.kind === 'rating') return step.period === own ? step.overageCost : 0;
  return step.kind === 'late' || step.kind === 'carried' ? step.amount : 0;
};

test('R33: nothing speaks against a record whose ledger is right, and its steps add up to it', () => {
  fc.assert(
    fc.property(anyInputs, fc.constantFrom(catalogue, odd), (inputs, prices) => {
      const { record, evidence } = given(inputs, prices);
      expect(compareRecord(record, inputs, evidence, () => 'd', versions)).toEqual([]);
      const steps = explainRecord(record, inputs, evidence, versions);
      const sum = steps.reduce((total, step) => total + amountOf(step, record.period), 0);
      expect(sum).toBe(record.amountDue);
    }),
  );
});

test('R33: usage that is another one in the events of any month is found, with what it would cost', () => {
  fc.assert(
    fc.property(anyInputs, fc.nat(), fc.integer({ min: 1, max: 9 }), (inputs, pick, more) => {
      const { record, evidence } = given(inputs);
      const months = evidence.months.map((month, index) => ({
        ...month,
        counted:
          index === pick % evidence.months.length && month.counted
            ? { ...month.counted, corrections: { events: 1, tokens: more - 5 } }
            : month.counted,
      }));
      const found = compareRecord(record, inputs, { ...evidence, months }, () => 'd', versions);
      expect(found[0]?.what).toMatch(/^used tokens of 2031-0\d, in its events$/);
      expect(Number(found[0]?.found) - Number(found[0]?.recorded)).toBe(more);
    }),
  );
});

test('R2: the arithmetic is exact, and rounds once, half up', () => {
  const inputs: BillingInputs = {
    month: { period: '2031-03', usedTokens: 50_500, plansHeld: ['pro'] },
    earlier: [],
    carried: [],
  };
  const { record, evidence } = given(inputs, odd);
  const texts = explainRecord(record, inputs, evidence, versions).map((s) => stepText(s, 'idr'));
  expect(texts[2]).toBe(
    '2031-03 at the prices of odd: max(0, 50500 − 50000) = 500 × 333 ÷ 1000 = 166.500, half up 167 minor units (Rp\u00a01,67)',
  );
});
