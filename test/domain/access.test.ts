import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { access, type Standing } from '../../src/domain/access.js';
import { planIds } from '../../src/domain/plans.js';
import { type Strike, stripeStatuses } from '../../src/domain/subscription.js';

const standing = (of: Partial<Standing> = {}): Standing => ({
  tier: 'pro',
  status: 'active',
  strike: 0,
  confirming: false,
  ...of,
});

describe('R30: access by standing', () => {
  test('Free: while the tokens fit into what remains', () => {
    const free = standing({ tier: 'free', status: 'none' });
    expect(access(free, 100, 100)).toEqual({
      allowed: true,
      overageAllowed: false,
      ai: 'full',
      dashboard: 'open',
      reason: 'ok',
      remainingTokens: 100,
      fix: null,
    });
    expect(access(free, 100, 101)).toMatchObject({
      allowed: false,
      overageAllowed: false,
      ai: 'exhausted',
      dashboard: 'open',
      reason: 'free_limit_reached',
      fix: 'upgrade',
    });
  });

  test('a team that fell to Free uses up what its higher plan of the period left, without overage (R4)', () => {
    const free = standing({ tier: 'free', status: 'canceled' });
    expect(access(free, 40_000, 40_000).allowed).toBe(true);
    expect(access(free, 40_000, 40_001).allowed).toBe(false);
  });

  test.each(['pro', 'enterprise'] as const)('%s: also beyond the limit', (tier) => {
    expect(access(standing({ tier }), 0, 1_000)).toEqual({
      allowed: true,
      overageAllowed: true,
      ai: 'full',
      dashboard: 'open',
      reason: 'ok',
      remainingTokens: 0,
      fix: null,
    });
  });

  test('strike 1 changes nothing', () => {
    expect(access(standing({ strike: 1, status: 'past_due' }), 10, 20)).toEqual(
      access(standing(), 10, 20),
    );
  });

  test('strike 2: the included tokens, then nothing, for the same reason', () => {
    const second = standing({ strike: 2, status: 'past_due' });
    expect(access(second, 10, 10)).toEqual({
      allowed: true,
      overageAllowed: false,
      ai: 'limited',
      dashboard: 'open',
      reason: 'limited_by_payment',
      remainingTokens: 10,
      fix: 'update_payment_method',
    });
    expect(access(second, 10, 11)).toMatchObject({
      allowed: false,
      ai: 'exhausted',
      dashboard: 'open',
      reason: 'limited_by_payment',
    });
  });

  test.each([
    ['strike 3', standing({ strike: 3, status: 'unpaid' })],
    ["Stripe's own `unpaid` without a ladder", standing({ strike: 0, status: 'unpaid' })],
  ])('%s: locked', (_, locked) => {
    expect(access(locked, 10, 1)).toEqual({
      allowed: false,
      overageAllowed: false,
      ai: 'locked',
      dashboard: 'locked',
      reason: 'locked_by_payment',
      remainingTokens: 10,
      fix: 'update_payment_method',
    });
  });

  test("Stripe's `unpaid` at strikes 1 and 2 counts by strike only", () => {
    expect(access(standing({ strike: 1, status: 'unpaid' }), 10, 1).ai).toBe('full');
    expect(access(standing({ strike: 2, status: 'unpaid' }), 10, 1).ai).toBe('limited');
  });

  test('R27: where a payment waits for its confirmation, that is the fix', () => {
    expect(access(standing({ confirming: true }), 10, 1)).toMatchObject({
      ai: 'full',
      fix: 'confirm_payment',
    });
    const second = standing({ strike: 2, status: 'past_due', confirming: true });
    expect(access(second, 10, 1).fix).toBe('confirm_payment');
  });
});

describe('R30: whatever the standing', () => {
  const standings: fc.Arbitrary<Standing> = fc.record({
    tier: fc.constantFrom(...planIds),
    status: fc.constantFrom(...stripeStatuses, 'none' as const),
    strike: fc.constantFrom<Strike>(0, 1, 2, 3),
    confirming: fc.boolean(),
  });
  const tokens = fc.nat({ max: 1000 });

  test('`allowed` alone is enough to decide by', () => {
    fc.assert(
      fc.property(standings, tokens, tokens, (team, remaining, asked) => {
        const { allowed, ai, dashboard, overageAllowed, reason } = access(team, remaining, asked);
        expect(allowed).toBe(ai === 'full' || ai === 'limited');
        expect(ai === 'locked').toBe(dashboard === 'locked');
        expect(ai === 'locked').toBe(reason === 'locked_by_payment');
        expect(ai === 'full').toBe(reason === 'ok');
        if (overageAllowed) expect(allowed).toBe(true);
        else if (asked > remaining) expect(allowed).toBe(false);
      }),
    );
  });

  test('who may not go on is told how to fix it', () => {
    fc.assert(
      fc.property(standings, tokens, tokens, (team, remaining, asked) => {
        const { reason, fix } = access(team, remaining, asked);
        if (reason === 'free_limit_reached') expect(fix).toBe('upgrade');
        else if (reason !== 'ok') expect(fix).toMatch(/^(update_payment_method|confirm_payment)$/);
      }),
    );
  });

  test('who may use some tokens may use fewer', () => {
    fc.assert(
      fc.property(standings, tokens, tokens, tokens, (team, remaining, asked, more) => {
        if (access(team, remaining, asked + more).allowed) {
          expect(access(team, remaining, asked).allowed).toBe(true);
        }
      }),
    );
  });

  test('a strike more never allows more', () => {
    fc.assert(
      fc.property(
        standings.filter(({ status }) => status !== 'unpaid'),
        fc.constantFrom<[Strike, Strike]>([0, 1], [1, 2], [2, 3]),
        tokens,
        tokens,
        (team, [fewer, more], remaining, asked) => {
          if (access({ ...team, strike: more }, remaining, asked).allowed) {
            expect(access({ ...team, strike: fewer }, remaining, asked).allowed).toBe(true);
          }
        },
      ),
    );
  });
});
