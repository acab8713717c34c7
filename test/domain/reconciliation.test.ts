import { describe, expect, test } from 'vitest';
import { differences } from '../../src/domain/reconciliation.js';
import type { Subscription } from '../../src/domain/subscription.js';
import type { Truth } from '../../src/domain/team.js';
import { day, Story, subscription, unpaid } from './given.js';

/** What the reconciliation says of a listed subscription to a team that has read `truth`. */
function found(truth: Partial<Truth>, listed: Subscription, unpaidInvoiceId: string | null = null) {
  const team = new Story();
  team.sees(day(0), truth);
  return differences(team.state, { subscription: listed, teamHint: null, unpaidInvoiceId });
}

const active = subscription();
const second = subscription({ id: 'sub_2', startedAt: day(-90) });
const ended = subscription({
  id: 'sub_0',
  status: 'canceled',
  startedAt: day(-90),
  endedAt: day(-60),
});

describe('R16: a team that has read Stripe differs in nothing from what is listed', () => {
  test.each([
    ['its subscription', { subscriptions: [active] }, active, null],
    ['an ended one', { subscriptions: [ended] }, ended, null],
    ['one that ended before its own began', { subscriptions: [active, ended] }, ended, null],
    ['a second one that operators see', { subscriptions: [active, second] }, second, null],
    [
      'an invoice that has a ladder',
      { subscriptions: [active], invoices: [unpaid('in_1', day(0))] },
      active,
      'in_1',
    ],
  ])('%s', (_, truth, listed, invoice) => {
    expect(found(truth, listed, invoice)).toEqual([]);
  });

  test('an invoice that was waived is not unheard', () => {
    const team = new Story();
    team.sees(day(0), { subscriptions: [active], invoices: [unpaid('in_1', day(0))] });
    team.acts(day(0), 'waive');
    const listed = { subscription: active, teamHint: null, unpaidInvoiceId: 'in_1' };
    expect(differences(team.state, listed)).toEqual([]);
  });
});

describe('R16: what no event told is named', () => {
  test.each([
    ['a team that has read nothing', { subscriptions: [] }, active, null, ['subscription']],
    ['a status', { subscriptions: [active] }, { ...active, status: 'unpaid' }, null, ['status']],
    [
      'a renewal and a plan',
      { subscriptions: [active] },
      { ...active, currentPeriodEnd: day(60), priceId: 'price_enterprise', plan: 'enterprise' },
      null,
      ['price', 'plan', 'period end'],
    ],
    [
      'that its invoices are collected no more',
      { subscriptions: [active] },
      { ...active, pauseCollection: { behavior: 'void', resumesAt: null } },
      null,
      ['paused collection'],
    ],
    ['a newer one', { subscriptions: [ended] }, active, null, ['subscription']],
    ['a second one', { subscriptions: [active] }, second, null, ['subscription']],
    ['an unpaid invoice', { subscriptions: [active] }, active, 'in_1', ['unpaid invoice']],
  ] satisfies [string, Partial<Truth>, Subscription, string | null, string[]][])(
    '%s',
    (_, truth, listed, invoice, names) => {
      expect(found(truth, listed, invoice)).toEqual(names);
    },
  );
});
