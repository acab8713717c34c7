import { describe, expect, test } from 'vitest';
import { nextDueAt } from '../../src/domain/calls.js';
import type { Subscription } from '../../src/domain/subscription.js';
import { day, hint, Story, subscription } from './given.js';

const trialing = (trialEnd: string, of: Partial<Subscription> = {}) =>
  subscription({ status: 'trialing', startedAt: day(0), trialEnd, ...of });

/** A team whose trial began on day 0. */
function onTrial(trialEnd: string, of: Partial<Subscription> = {}): Story {
  const team = new Story();
  team.sees(day(0), { subscriptions: [trialing(trialEnd, of)] });
  return team;
}

describe('R8, R36: the mail that a trial ends', () => {
  test('is sent exactly three days before, by our own timer, after a look at Stripe', () => {
    const team = onTrial(day(14));
    expect(nextDueAt(team.state)).toBe(day(11));
    team.take(day(10, 23), { kind: 'due' });
    expect(team.calls).toEqual([]);
    team.take(day(11), { kind: 'due' });
    expect(team.sent).toEqual([]);
    team.reads(day(11));
    expect(team.mails).toMatchObject([
      { mail: 'trial-ending', cause: `sub_1:${day(14)}`, details: { plan: 'pro', at: day(14) } },
    ]);
    expect(nextDueAt(team.state)).toBeNull();
    expect(team.state).toMatchObject({ reading: null, wanted: null });
  });

  test("is one, though Stripe's event comes too, twice, before the timer or after it (R17)", () => {
    const ends = { type: 'customer.subscription.trial_will_end', object: 'sub_1' };
    const team = onTrial(day(14));
    team.sees(day(11), {}, { ...ends, id: 'evt_ends' });
    team.take(day(11), hint({ ...ends, id: 'evt_ends' }));
    team.take(day(11, 1), { kind: 'due' });
    team.sees(day(12), {}, { ...ends, id: 'evt_ends_again' });
    expect(team.sent).toEqual(['trial-ending']);
  });

  test('is sent at once for a trial that is shorter', () => {
    expect(onTrial(day(2)).sent).toEqual(['trial-ending']);
  });

  test('is sent again for a trial that is extended, and for its new end alone', () => {
    const team = onTrial(day(3));
    team.sees(day(2), { subscriptions: [trialing(day(10))] });
    expect(team.sent).toEqual(['trial-ending']);
    expect(nextDueAt(team.state)).toBe(day(7));
    team.take(day(7), { kind: 'due' });
    team.reads(day(7));
    expect(team.mails.map(({ details }) => details)).toMatchObject([
      { at: day(3) },
      { at: day(10) },
    ]);
  });

  test('waits for the new end where the extension was not heard of: Stripe is asked first (R16)', () => {
    const team = onTrial(day(14));
    team.truth = { ...team.truth, subscriptions: [trialing(day(20))] };
    team.take(day(11), { kind: 'due' });
    team.reads(day(11));
    expect(team.sent).toEqual([]);
    expect(nextDueAt(team.state)).toBe(day(17));
  });

  test.each([
    ['is cancelled to its end', trialing(day(14), { cancelAt: day(14) })],
    ['has become active', subscription({ trialEnd: day(14) })],
    ['was cancelled', trialing(day(14), { status: 'canceled', endedAt: day(5) })],
    ['has a price that no plan knows', trialing(day(14), { plan: null })],
  ])('is not sent where the trial %s', (_, changed) => {
    const team = onTrial(day(14));
    team.truth = { ...team.truth, subscriptions: [changed] };
    team.take(day(11), { kind: 'due' });
    team.reads(day(11));
    expect(team.sent).toEqual([]);
    expect(nextDueAt(team.state)).toBeNull();
    expect(team.calls).toEqual([]);
  });

  test('is sent all the same where the subscription is to end later than its trial', () => {
    expect(onTrial(day(2), { cancelAt: day(30) }).sent).toEqual(['trial-ending']);
  });

  test('is not sent of a trial whose end has gone by, nor is Stripe asked for ever', () => {
    const team = onTrial(day(-1));
    expect(team.sent).toEqual([]);
    expect(nextDueAt(team.state)).toBeNull();
  });

  test('moves no change of plan back: it tells of what will be (R37)', () => {
    const team = onTrial(day(14));
    const ends = { type: 'customer.subscription.trial_will_end', object: 'sub_1' };
    team.take(day(12), hint({ id: 'evt_ends', ...ends, at: day(11) }));
    team.truth = {
      ...team.truth,
      subscriptions: [trialing(day(14), { plan: 'enterprise', priceId: 'price_enterprise' })],
    };
    team.reads(day(12));
    expect(team.planPeriods.at(-1)).toMatchObject({ plan: 'enterprise', startsAt: day(12) });
  });
});
