import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  currentSubscription,
  holdsPlan,
  isLive,
  type Strike,
  type StripeStatus,
  type Subscription,
  stripeStatuses,
  subscriptionStatus,
} from '../../src/domain/subscription.js';
import { day, subscription } from './given.js';

describe('R37: in which statuses a plan holds', () => {
  test.each([
    ['trialing', true],
    ['active', true],
    ['past_due', true],
    ['unpaid', true],
    ['incomplete', false],
    ['incomplete_expired', false],
    ['paused', false],
    ['canceled', false],
    ['none', false],
  ] as const)('%s: %s', (status, holds) => {
    expect(holdsPlan(status)).toBe(holds);
  });
});

describe('R29: the status of a team', () => {
  const status = (stripes: StripeStatus, strike: Strike) =>
    subscriptionStatus(subscription({ status: stripes }), strike);

  test('without a subscription it is `none`', () => {
    expect(subscriptionStatus(null, 0)).toBe('none');
  });

  test.each(stripeStatuses)("without a strike it is Stripe's: %s", (stripes) => {
    expect(status(stripes, 0)).toBe(stripes);
  });

  test.each([
    ['active', 1, 'past_due'],
    ['active', 2, 'past_due'],
    ['active', 3, 'unpaid'],
    ['trialing', 1, 'past_due'],
    ['past_due', 2, 'past_due'],
    ['past_due', 3, 'unpaid'],
    // The ladder never makes it better.
    ['unpaid', 1, 'unpaid'],
    ['unpaid', 2, 'unpaid'],
    ['canceled', 3, 'canceled'],
    ['incomplete_expired', 1, 'incomplete_expired'],
  ] as const)('%s at strike %i is %s', (stripes, strike, expected) => {
    expect(status(stripes, strike)).toBe(expected);
  });
});

describe('the one subscription that counts', () => {
  const current = (...all: Subscription[]) => currentSubscription(all)?.id;

  test('there may be none', () => {
    expect(currentSubscription([])).toBeNull();
  });

  test('one that holds its plan comes before one that does not, however new', () => {
    const old = subscription({ id: 'sub_old', status: 'past_due', startedAt: day(-90) });
    const begun = subscription({ id: 'sub_new', status: 'incomplete', startedAt: day(0) });
    expect(current(old, begun)).toBe('sub_old');
  });

  test('a paused one comes before one that has ended since', () => {
    const paused = subscription({ id: 'sub_paused', status: 'paused', startedAt: day(-90) });
    const ended = subscription({ id: 'sub_ended', status: 'canceled', startedAt: day(0) });
    expect(current(ended, paused)).toBe('sub_paused');
  });

  test('of two that hold their plans, the newer', () => {
    const older = subscription({ id: 'sub_1', startedAt: day(-1) });
    const newer = subscription({ id: 'sub_2', startedAt: day(0) });
    expect(current(older, newer)).toBe('sub_2');
  });

  test('R37: a plan comes before a newer price that no plan knows', () => {
    const pro = subscription({ id: 'sub_pro', status: 'past_due', startedAt: day(-90) });
    const support = subscription({ id: 'sub_support', plan: null, startedAt: day(0) });
    expect(current(support, pro)).toBe('sub_pro');
  });

  test('R37: such a price, which may be a plan that nobody named, before one that is not paid yet', () => {
    const unnamed = subscription({ id: 'sub_1', plan: null, startedAt: day(-90) });
    const begun = subscription({ id: 'sub_2', status: 'incomplete', startedAt: day(0) });
    expect(current(unnamed, begun)).toBe('sub_1');
  });

  const subscriptions = fc
    .uniqueArray(
      fc.record({
        id: fc.constantFrom('sub_1', 'sub_2', 'sub_3', 'sub_4'),
        status: fc.constantFrom(...stripeStatuses),
        // Stripe's times have whole seconds: two that begin in the same one are no rarity.
        startedAt: fc.constantFrom(day(0), day(1)),
      }),
      { minLength: 1, selector: ({ id }) => id },
    )
    .map((all) => all.map(subscription));

  test('R16: which it is does not hang on the order in which Stripe lists them', () => {
    fc.assert(
      fc.property(
        subscriptions.chain((all) =>
          fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
        ),
        ([all, shuffled]) => {
          expect(current(...shuffled)).toBe(current(...all));
        },
      ),
    );
  });

  test('it holds its plan if any does, and lives if any does', () => {
    fc.assert(
      fc.property(subscriptions, (all) => {
        const one = currentSubscription(all);
        expect(one !== null && holdsPlan(one.status)).toBe(
          all.some(({ status }) => holdsPlan(status)),
        );
        expect(one !== null && isLive(one)).toBe(all.some(isLive));
      }),
    );
  });
});
