import { describe, expect, test } from 'vitest';
import { nextStep, type Standing } from '../../src/domain/planChange.js';
import type { Subscription } from '../../src/domain/subscription.js';
import { subscription } from './given.js';

const END = '2026-12-05T00:00:00.000Z';
const LATER = '2027-03-05T00:00:00.000Z';

function standing(
  of: Partial<Subscription>,
  more: Partial<Omit<Standing, 'subscription'>> = {},
): Standing {
  const same = { plan: 'pro' as const, currentPeriodEnd: END, cancelAt: null };
  return {
    subscription: subscription({ ...same, ...of }),
    upgrade: null,
    schedule: 'none',
    ...more,
  };
}

const onPro = standing({ plan: 'pro' });
const onEnterprise = standing({ plan: 'enterprise' });
const ending = standing({ cancelAt: END });
const unpaid = (plan: 'enterprise' | null) =>
  standing({}, { upgrade: { plan, hostedInvoiceUrl: null } });
const toPro = (at: string) =>
  standing({ plan: 'enterprise', pendingPlan: { plan: 'pro', at } }, { schedule: 'planned' });

describe('the next step to a plan (R35: each looks at what is true first)', () => {
  test.each([
    ['the current plan needs nothing', onPro, 'pro', null],
    ['a larger one is an upgrade', onPro, 'enterprise', 'upgrade'],
    [
      'one that waits for its payment is not asked for again',
      unpaid('enterprise'),
      'enterprise',
      null,
    ],
    ['another one that waits is undone first', unpaid('enterprise'), 'pro', 'void'],
    ['also before the end', unpaid('enterprise'), 'free', 'void'],
    [
      'and what else waits on the current plan',
      standing({}, { upgrade: { plan: 'pro', hostedInvoiceUrl: null } }),
      'pro',
      'void',
    ],
    ['so is a change to what is no plan', unpaid(null), 'enterprise', 'void'],
    ['a smaller one is scheduled', onEnterprise, 'pro', 'schedule'],
    [
      'a schedule without a future is given one',
      { ...onEnterprise, schedule: 'bare' },
      'pro',
      'phases',
    ],
    ['one that comes with the end of the period is there', toPro(END), 'pro', null],
    ['one that comes later is not what was asked for', toPro(LATER), 'pro', 'release'],
    ['the current plan undoes it', toPro(END), 'enterprise', 'release'],
    ['so does the end', toPro(END), 'free', 'release'],
    [
      'a schedule of whatever kind is no part of an upgrade',
      { ...onPro, schedule: 'bare' },
      'enterprise',
      'release',
    ],
    ['the end is a cancellation', onPro, 'free', 'cancel'],
    ['which is made once', ending, 'free', null],
    ['and is brought forward', standing({ cancelAt: LATER }), 'free', 'cancel'],
    ['the current plan takes it back', ending, 'pro', 'keep'],
    ['a smaller one does too', standing({ plan: 'enterprise', cancelAt: END }), 'pro', 'keep'],
    ['a larger one is paid for first', ending, 'enterprise', 'upgrade'],
    [
      'an end that a schedule brings is taken from it, and then back',
      standing({ plan: 'enterprise', cancelAt: END }, { schedule: 'bare' }),
      'pro',
      'release',
    ],
  ] as const)('%s', (_, from, wish, step) => {
    expect(nextStep(from, wish)).toBe(step);
  });
});
