import { describe, expect, test } from 'vitest';
import { day, onPro, Story, subscription } from './given.js';
import { history, on, open } from './plans.js';

describe('R29, R30: tier and subscription are what Stripe has', () => {
  test('a new team is on Free, with no subscription', () => {
    const team = new Story();
    team.sees(day(0), {});
    expect(team.state).toMatchObject({ tier: 'free', subscription: null, held: null });
    expect(team.timeline).toEqual([]);
  });

  test.each([
    ['trialing', 'pro'],
    ['active', 'pro'],
    ['past_due', 'pro'],
    ['unpaid', 'pro'],
    ['incomplete', 'free'],
    ['incomplete_expired', 'free'],
    ['paused', 'free'],
    ['canceled', 'free'],
  ] as const)('%s on the price of Pro: %s', (status, tier) => {
    const team = new Story();
    team.sees(day(0), { subscriptions: [subscription({ status })] });
    expect(team.state.tier).toBe(tier);
    expect(team.state.subscription?.status).toBe(status);
  });

  test('a change is on the timeline with its cause', () => {
    const team = onPro();
    team.sees(day(0), { subscriptions: [on('enterprise')] }, { id: 'evt_upgrade' });
    expect(team.noted('tier_changed').at(-1)).toMatchObject({
      cause: 'evt_upgrade',
      details: { from: 'pro', to: 'enterprise' },
    });
  });

  test('the customer of the subscription is kept', () => {
    const team = new Story();
    team.sees(day(0), { customerId: 'cus_9' });
    team.sees(day(1), { customerId: null });
    expect(team.state.customerId).toBe('cus_9');
  });

  test('two live subscriptions: the newer counts, and an operator is called, once', () => {
    const team = onPro();
    const second = on('enterprise', { id: 'sub_2', startedAt: day(0) });
    team.sees(day(0), { subscriptions: [subscription(), second] });
    team.sees(day(0), {});
    expect(team.state).toMatchObject({ tier: 'enterprise', attention: 'second_subscription' });
    expect(team.noted('second_subscription')).toHaveLength(1);
    team.sees(day(1), { subscriptions: [subscription({ status: 'canceled' }), second] });
    expect(team.state.attention).toBe('none');
  });
});

describe('R29: what is to come of a subscription is on the timeline, each change of it once', () => {
  const kinds = (team: Story) => team.timeline.slice(2).map(({ kind }) => kind);

  test('its end is set, moved and taken back', () => {
    const team = onPro();
    for (const cancelAt of [day(30), day(30), day(20), null, null]) {
      team.sees(day(0), { subscriptions: [subscription({ cancelAt })] });
    }
    expect(kinds(team)).toEqual([
      'cancellation_scheduled',
      'cancellation_scheduled',
      'cancellation_withdrawn',
    ]);
    expect(team.noted('cancellation_scheduled').at(-1)).toMatchObject({
      actor: 'stripe',
      details: { subscriptionId: 'sub_1', cancelAt: day(20) },
    });
  });

  test('an end that has come is no end withdrawn', () => {
    const team = onPro();
    team.sees(day(0), { subscriptions: [subscription({ cancelAt: day(30) })] });
    team.sees(day(30), { subscriptions: [subscription({ status: 'canceled', endedAt: day(30) })] });
    expect(kinds(team)).toEqual(['cancellation_scheduled', 'subscription_changed', 'tier_changed']);
  });

  test('its invoices are collected no more, for longer, and again (R22)', () => {
    const team = onPro();
    const behavior = 'void';
    const pauses = [null, null, day(40), day(40), undefined, undefined] as const;
    for (const resumesAt of pauses) {
      const pause = resumesAt === undefined ? {} : { pauseCollection: { behavior, resumesAt } };
      team.sees(day(0), { subscriptions: [subscription(pause)] });
    }
    expect(kinds(team)).toEqual(['collection_paused', 'collection_paused', 'collection_resumed']);
    expect(team.noted('collection_paused').at(-1)).toMatchObject({
      actor: 'stripe',
      details: { subscriptionId: 'sub_1', behavior: 'void', resumesAt: day(40) },
    });
    expect(team.sent).toEqual([]);
  });

  test('another plan is scheduled, and not any more', () => {
    const team = new Story();
    const pendingPlan = { plan: 'pro', at: day(30) } as const;
    team.sees(day(0), { subscriptions: [on('enterprise')] });
    team.sees(day(1), { subscriptions: [on('enterprise', { pendingPlan })] });
    team.sees(day(2), {});
    team.sees(day(3), { subscriptions: [on('enterprise', { pendingPlan: null })] });
    expect(kinds(team)).toEqual(['plan_change_scheduled', 'plan_change_withdrawn']);
    expect(team.noted('plan_change_scheduled')).toMatchObject([{ details: pendingPlan }]);
    expect(team.sent).toEqual([]);
  });

  test('a scheduled plan that has come is a change of tier', () => {
    const team = new Story();
    const pendingPlan = { plan: 'pro', at: day(30) } as const;
    team.sees(day(0), { subscriptions: [on('enterprise', { pendingPlan })] });
    team.sees(day(30), { subscriptions: [on('pro', { pendingPlan: null })] });
    expect(team.noted('plan_change_withdrawn')).toEqual([]);
    expect(team.noted('tier_changed').at(-1)).toMatchObject({ details: { to: 'pro' } });
  });

  test('a state of before, which knew of neither, withdraws nothing', () => {
    const team = onPro();
    team.sees(day(1), { subscriptions: [subscription({ pendingPlan: null, trialEnd: null })] });
    expect(kinds(team)).toEqual([]);
  });
});

describe('R37: the mail that the plan has changed', () => {
  test('is one for each change, and says from which, to which and since when', () => {
    const team = onPro();
    const changed = { type: 'customer.subscription.updated' };
    team.sees(day(1), { subscriptions: [on('enterprise')] }, changed);
    team.sees(day(2), {});
    team.sees(day(3), { subscriptions: [on('pro')] }, changed);
    expect(team.mails).toMatchObject([
      { mail: 'plan-changed', details: { from: 'pro', to: 'enterprise', at: day(1) } },
      { mail: 'plan-changed', details: { from: 'enterprise', to: 'pro', at: day(3) } },
    ]);
    expect(new Set(team.mails.map(({ cause }) => cause)).size).toBe(2);
  });

  test('is none for a first subscription, its end, its pause, or another subscription', () => {
    const team = onPro();
    team.sees(day(1), { subscriptions: [subscription({ status: 'paused' })] });
    team.sees(day(2), { subscriptions: [subscription()] });
    const ended = subscription({ status: 'canceled', endedAt: day(3) });
    team.sees(day(3), { subscriptions: [ended] });
    const next = on('enterprise', { id: 'sub_2', startedAt: day(4) });
    team.sees(day(4), { subscriptions: [ended, next] });
    expect(team.sent).toEqual([]);
  });
});

describe('a customer that Stripe does not have', () => {
  const unknown = (team: Story) =>
    team.noted('unknown_customer').map(({ details }) => details.customerId);

  test('is on the timeline once, and again when it was known meanwhile', () => {
    const team = new Story();
    team.sees(day(0), { unknownCustomerIds: ['cus_typo'] }, { id: 'customer:cus_typo' });
    team.sees(day(1), {});
    expect(team.noted('unknown_customer')).toMatchObject([
      { cause: 'customer:cus_typo', actor: 'stripe', details: { customerId: 'cus_typo' } },
    ]);
    team.sees(day(2), { unknownCustomerIds: ['cus_typo', 'cus_other'] });
    expect(unknown(team)).toEqual(['cus_typo', 'cus_other']);
    team.sees(day(3), { unknownCustomerIds: [] });
    team.sees(day(4), { unknownCustomerIds: ['cus_typo'] });
    expect(unknown(team)).toEqual(['cus_typo', 'cus_other', 'cus_typo']);
    expect(team.state.tier).toBe('free');
  });

  test('is new to a state, and absent from a reading, of before this was told', () => {
    const team = onPro();
    const { unknownCustomerIds: _, ...before } = team.state;
    team.state = before;
    team.sees(day(0), {});
    expect(unknown(team)).toEqual([]);
    team.sees(day(1), { unknownCustomerIds: ['cus_typo'] });
    expect(unknown(team)).toEqual(['cus_typo']);
    expect(team.state.tier).toBe('pro');
  });
});

describe('R37: a price that no plan knows', () => {
  test('is named to operators, and leaves the tier as it was', () => {
    const team = onPro();
    team.sees(day(0), { subscriptions: [on(null)] });
    expect(team.state).toMatchObject({ tier: 'pro', attention: 'unknown_price' });
    expect(team.noted('unknown_price')).toMatchObject([
      { details: { priceId: 'price_of_nobody' } },
    ]);
    expect(open(team)).toMatchObject([{ plan: 'pro' }]);
  });

  test('so is the next such price', () => {
    const team = onPro();
    team.sees(day(0), { subscriptions: [on(null)] });
    team.sees(day(1), { subscriptions: [on(null, { priceId: 'price_of_nobody_either' })] });
    expect(team.noted('unknown_price')).toHaveLength(2);
  });

  test.each(['incomplete', 'paused'] as const)(
    'is named when it comes to hold, though it was seen %s before',
    (status) => {
      const team = new Story();
      team.sees(day(0), { subscriptions: [on(null, { status })] });
      expect(team.noted('unknown_price')).toEqual([]);
      team.sees(day(1), { subscriptions: [on(null)] });
      team.sees(day(2), {});
      expect(team.noted('unknown_price')).toHaveLength(1);
    },
  );

  test('beside a plan changes nothing of the team', () => {
    const team = onPro();
    const support = on(null, { id: 'sub_support', startedAt: day(0) });
    team.sees(day(0), { subscriptions: [subscription(), support] });
    expect(team.state).toMatchObject({
      tier: 'pro',
      subscription: { id: 'sub_1' },
      attention: 'second_subscription',
    });
    expect(open(team)).toMatchObject([{ plan: 'pro', subscriptionId: 'sub_1' }]);
  });

  test.each([
    ['cancelled', { status: 'canceled', endedAt: day(2) }],
    ['paused', { status: 'paused' }],
  ] as const)('R29: beside a plan that is %s leaves the team on Free', (_, ended) => {
    const team = onPro();
    const support = on(null, { id: 'sub_support', startedAt: day(0) });
    team.sees(day(0), { subscriptions: [subscription(), support] });
    team.sees(day(2), { subscriptions: [subscription(ended), support] });
    expect(team.state).toMatchObject({ tier: 'free', held: null });
    expect(history(team)).toMatchObject([{ plan: 'pro', endsAt: day(2) }]);
  });

  test('does not matter once the subscription has ended', () => {
    const team = onPro();
    team.sees(day(0), { subscriptions: [on(null, { status: 'canceled', endedAt: day(0) })] });
    expect(team.state).toMatchObject({ tier: 'free', attention: 'none' });
  });
});
