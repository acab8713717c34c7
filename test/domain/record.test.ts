import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Catalogue, catalogue, type PlanId, planIds } from '../../src/domain/plans.js';
import { type BillingInputs, type ComputedRecord, computeRecord } from '../../src/domain/record.js';

const inputs = (given: Partial<BillingInputs>): BillingInputs => ({
  month: { period: '2031-02', usedTokens: 0, plansHeld: ['pro'] },
  earlier: [],
  carried: [],
  ...given,
});

const january = {
  period: '2031-01',
  usedTokens: 60_000,
  plansHeld: ['pro'] as PlanId[],
  planVersion: catalogue.version,
  billedTokens: 10_000,
  billedAmount: 10_000,
};

describe('a record of a month', () => {
  test('is rated with the highest plan held in it, and names the version (R3, R4)', () => {
    const month = { period: '2031-02', usedTokens: 512_345, plansHeld: planIds };
    expect(computeRecord(inputs({ month }), catalogue)).toMatchObject({
      period: '2031-02',
      plan: 'enterprise',
      planVersion: catalogue.version,
      tokenLimit: 500_000,
      overageTokens: 12_345,
      lines: [{ kind: 'overage', period: '2031-02', tokens: 12_345, amount: 12_345 }],
      amountDue: 12_345,
    });
  });

  test('has no line where nothing is due', () => {
    const month = { period: '2031-02', usedTokens: 50_000, plansHeld: ['pro'] as const };
    const record = computeRecord(inputs({ month, earlier: [january] }), catalogue);
    expect(record).toMatchObject({ usedTokens: 50_000, lines: [], amountDue: 0 });
  });

  test('bills what came late in a line that names its month (R12)', () => {
    const earlier = [{ ...january, usedTokens: 60_500 }];
    const month = { period: '2031-02', usedTokens: 50_007, plansHeld: ['pro'] as const };
    expect(computeRecord(inputs({ month, earlier }), catalogue)).toMatchObject({
      overageCost: 7,
      lines: [
        { kind: 'overage', period: '2031-02', tokens: 7, amount: 7 },
        { kind: 'late', period: '2031-01', tokens: 500, amount: 500 },
      ],
      amountDue: 507,
    });
  });

  test('gives back what a plan included that was heard of too late (R4, R12)', () => {
    const earlier = [{ ...january, plansHeld: ['pro', 'enterprise'] as const }];
    expect(computeRecord(inputs({ earlier }), catalogue)).toMatchObject({
      lines: [{ kind: 'late', period: '2031-01', tokens: -10_000, amount: -10_000 }],
      amountDue: -10_000,
    });
  });

  test('takes up what was carried forward (R34)', () => {
    const carried = [
      { period: '2030-12', amount: 700 },
      { period: '2031-01', amount: -200 },
    ];
    expect(computeRecord(inputs({ carried }), catalogue)).toMatchObject({
      lines: [
        { kind: 'carried', period: '2030-12', tokens: 0, amount: 700 },
        { kind: 'carried', period: '2031-01', tokens: 0, amount: -200 },
      ],
      amountDue: 500,
    });
  });

  test('rates an earlier month with the prices that its record names (R3, R12)', () => {
    const { plans } = catalogue;
    const old: Catalogue = {
      ...catalogue,
      version: 'old',
      plans: { ...plans, pro: { ...plans.pro, tokenLimit: 100_000, ratePer1000: 2_000 } },
    };
    const past = { ...january, planVersion: 'old', billedTokens: 0, billedAmount: 0 };
    const record = (usedTokens: number) =>
      computeRecord(
        inputs({ earlier: [{ ...past, usedTokens }] }),
        catalogue,
        new Map([['old', old]]),
      );
    expect(record(60_000).lines).toEqual([]);
    expect(record(100_100).lines).toMatchObject([{ kind: 'late', tokens: 100, amount: 200 }]);
    expect(() => computeRecord(inputs({ earlier: [past] }), catalogue)).toThrow('version old');
  });
});

const MONTHS = 5;
const name = (month: number) => `2031-0${month + 1}`;

/** `known`: the first close, counted from 0, that knows of it; never before the month itself is closed. */
const knownFrom = (month: number) => fc.integer({ min: month, max: MONTHS - 1 });
const month = fc.nat({ max: MONTHS - 1 });
const happenings = month.chain((of) =>
  fc.record({
    of: fc.constant(of),
    known: knownFrom(of),
    what: fc.oneof(
      fc.record({ tokens: fc.integer({ min: -90_000, max: 400_000 }) }),
      fc.record({ plan: fc.constantFrom(...planIds) }),
    ),
  }),
);

describe('whatever comes late, and in whatever order', () => {
  test('the lines of all records add up to what all that is known costs (R4, R12)', () => {
    const history = fc.record({
      happened: fc.array(happenings, { maxLength: 25 }),
      carries: fc.array(fc.boolean(), { minLength: MONTHS, maxLength: MONTHS }),
    });
    fc.assert(
      fc.property(history, ({ happened, carries }) => {
        const records = closeAll(happened, carries);
        const expected = sum(months.map((of) => naiveCost(happened.filter((h) => h.of === of))));
        const lines = records.flatMap((record) => record.lines);
        expect(sum(lines.filter((l) => l.kind !== 'carried').map((l) => l.amount))).toBe(expected);

        const invoiced = sum(records.map((r, index) => (carries[index] ? 0 : r.amountDue)));
        const waiting = carries.at(-1) ? (records.at(-1)?.amountDue ?? 0) : 0;
        expect(invoiced + waiting).toBe(expected);
      }),
      { numRuns: 300 },
    );
  });
});

type Happening = typeof happenings extends fc.Arbitrary<infer T> ? T : never;

const months = [...Array(MONTHS).keys()];
const sum = (amounts: number[]) => amounts.reduce((total, amount) => total + amount, 0);

/** By hand: Rp 10 per 1,000 are one minor unit a token, above the limit of the best plan. */
function naiveCost(happened: Happening[]): number {
  const tokens = sum(happened.map(({ what }) => ('tokens' in what ? what.tokens : 0)));
  const held = happened.map(({ what }) => ('plan' in what ? what.plan : 'free'));
  if (held.includes('enterprise')) return Math.max(0, tokens - 500_000);
  if (held.includes('pro')) return Math.max(0, tokens - 50_000);
  return 0;
}

/** Closes month after month with what is known then; `carries`: its amount is carried forward. */
function closeAll(happened: Happening[], carries: boolean[]): ComputedRecord[] {
  const records: ComputedRecord[] = [];
  for (const closing of months) {
    const usageOf = (of: number) => {
      const known = happened.filter((h) => h.of === of && h.known <= closing);
      return {
        period: name(of),
        usedTokens: sum(known.map(({ what }) => ('tokens' in what ? what.tokens : 0))),
        plansHeld: known.flatMap(({ what }) => ('plan' in what ? [what.plan] : [])),
      };
    };
    const billed = (of: number) =>
      records.flatMap((r) => r.lines).filter((l) => l.kind !== 'carried' && l.period === name(of));
    const last = records.at(-1);
    records.push(
      computeRecord(
        {
          month: usageOf(closing),
          earlier: months.slice(0, closing).map((of) => ({
            ...usageOf(of),
            planVersion: catalogue.version,
            billedTokens: sum(billed(of).map((l) => l.tokens)),
            billedAmount: sum(billed(of).map((l) => l.amount)),
          })),
          carried:
            last !== undefined && carries[closing - 1] === true
              ? [{ period: last.period, amount: last.amountDue }]
              : [],
        },
        catalogue,
      ),
    );
  }
  return records;
}
