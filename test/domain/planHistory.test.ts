import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Instant } from '../../src/domain/instant.js';
import { highestPlan, type PlanId } from '../../src/domain/plans.js';
import type { PlanPeriod } from '../../src/domain/team.js';
import { day, hint, onPro, Story, subscription } from './given.js';
import { history, on, open } from './plans.js';

/** The hint that a subscription changed at this instant. */
const changed = (at: Instant) => ({ type: 'customer.subscription.updated', at });

describe('R37: the plan history', () => {
  test('an older event about something else moves no change of plan back', () => {
    const team = onPro();
    team.take(day(1), hint({ id: 'evt_old', type: 'customer.updated', at: day(-3) }));
    team.take(day(1), hint({ id: 'evt_new', ...changed(day(1)) }));
    team.reads(day(1));
    team.truth = { ...team.truth, subscriptions: [on('enterprise')] };
    team.reads(day(1));
    expect(open(team)).toMatchObject([{ plan: 'enterprise', startsAt: day(1) }]);
  });

  test('begins with the subscription, not when we hear of it', () => {
    expect(history(onPro())).toEqual([
      { plan: 'pro', subscriptionId: 'sub_1', startsAt: day(-60), endsAt: null },
    ]);
  });

  test('a change ends one plan and begins the next at its moment', () => {
    const team = onPro();
    team.sees(day(1), { subscriptions: [on('enterprise')] }, changed(day(0)));
    expect(history(team)).toMatchObject([
      { plan: 'pro', startsAt: day(-60), endsAt: day(0) },
      { plan: 'enterprise', startsAt: day(0), endsAt: null },
    ]);
  });

  test('a cancelled plan ends when the subscription did, not when we heard of it', () => {
    const team = onPro();
    team.sees(day(3), { subscriptions: [subscription({ status: 'canceled', endedAt: day(1) })] });
    expect(history(team)).toMatchObject([{ plan: 'pro', endsAt: day(1) }]);
  });

  test('while it is paused there is no plan', () => {
    const team = onPro();
    team.sees(day(0), { subscriptions: [subscription({ status: 'paused' })] });
    expect(open(team)).toEqual([]);
    team.sees(day(5), { subscriptions: [subscription()] });
    expect(history(team)).toMatchObject([
      { startsAt: day(-60), endsAt: day(0) },
      { startsAt: day(5), endsAt: null },
    ]);
  });

  test('what was held before a pause stays in it, though an older event is taken with the end of the pause', () => {
    const team = onPro();
    team.sees(day(0), { subscriptions: [subscription({ status: 'paused' })] }, changed(day(0)));
    team.take(
      day(5),
      hint({ id: 'evt_late', type: 'customer.subscription.created', at: day(-60) }),
      hint({ id: 'evt_resumed', type: 'customer.subscription.resumed', at: day(5) }),
    );
    team.truth = { ...team.truth, subscriptions: [subscription()] };
    team.reads(day(5));
    expect(history(team)).toMatchObject([
      { startsAt: day(-60), endsAt: day(0) },
      { startsAt: day(0), endsAt: null },
    ]);
  });

  test('a subscription after a cancelled one begins by itself', () => {
    const team = onPro();
    const ended = subscription({ status: 'canceled', endedAt: day(0) });
    const next = on('enterprise', { id: 'sub_2', startedAt: day(2) });
    team.sees(day(2), { subscriptions: [ended, next] });
    expect(history(team)).toMatchObject([
      { subscriptionId: 'sub_1', endsAt: day(0) },
      { subscriptionId: 'sub_2', plan: 'enterprise', startsAt: day(2), endsAt: null },
    ]);
  });

  test('a subscription that began and ended unheard is in it, with its own times', () => {
    const team = onPro();
    const first = subscription({ status: 'canceled', endedAt: day(0) });
    team.sees(day(0), { subscriptions: [first] });
    const of = { id: 'sub_2', status: 'canceled', startedAt: day(1), endedAt: day(2) } as const;
    const second = on('enterprise', of);
    team.sees(day(3), { subscriptions: [second, first] });
    team.sees(day(4), {});
    expect(history(team)).toMatchObject([
      { subscriptionId: 'sub_1', startsAt: day(-60), endsAt: day(0) },
      { subscriptionId: 'sub_2', plan: 'enterprise', startsAt: day(1), endsAt: day(2) },
    ]);
    expect(team.planPeriods).toHaveLength(3);
  });

  test('so is one that was heard of only before its first payment', () => {
    const team = new Story();
    team.sees(day(0), {
      subscriptions: [on('pro', { status: 'incomplete', startedAt: day(0) })],
    });
    team.sees(day(2), {
      subscriptions: [on('pro', { status: 'canceled', startedAt: day(0), endedAt: day(1) })],
    });
    expect(history(team)).toMatchObject([{ plan: 'pro', startsAt: day(0), endsAt: day(1) }]);
  });

  test('what a state of before has seen is not written anew', () => {
    const team = onPro();
    team.sees(day(0), { subscriptions: [on('enterprise')] });
    team.sees(day(1), {
      subscriptions: [on('enterprise', { status: 'canceled', endedAt: day(1) })],
    });
    const { accountedSubscriptionIds: _, ...before } = team.state;
    team.state = before;
    const written = team.planPeriods.length;
    team.sees(day(2), {});
    expect(team.planPeriods).toHaveLength(written);
  });

  test('R16: a change in the second in which the subscription began, or told by an older event, is kept', () => {
    const team = new Story();
    team.sees(day(0), { subscriptions: [on('pro', { startedAt: day(0) })] });
    team.sees(
      day(0, 1),
      { subscriptions: [on('enterprise', { startedAt: day(0) })] },
      changed(day(0)),
    );
    expect(open(team)).toMatchObject([{ plan: 'enterprise' }]);
  });

  /** A change of plan that is taken together with an event about something else of the subscription. */
  function changesWith(team: Story, now: Instant, other: Instant, plan: PlanId): void {
    const id = `${now} ${plan}`;
    team.take(
      now,
      hint({ id, ...changed(now) }),
      hint({ id: `${id} too`, type: 'customer.subscription.created', at: other }),
    );
    team.truth = { ...team.truth, subscriptions: [on(plan)] };
    team.reads(now);
  }

  test('R4: a downgrade is not moved back by an older event that is taken with it', () => {
    const team = onPro();
    team.sees(day(0), { subscriptions: [on('enterprise')] }, changed(day(0)));
    changesWith(team, day(30, 0.5), day(30, -0.5), 'pro');
    expect(history(team)).toMatchObject([
      { plan: 'pro', endsAt: day(0) },
      { plan: 'enterprise', startsAt: day(0), endsAt: day(30, 0.5) },
      { plan: 'pro', startsAt: day(30, 0.5), endsAt: null },
    ]);
  });

  test('R4: nor does a late `created` take the place of the plan that was subscribed', () => {
    const team = new Story();
    team.sees(day(0), { subscriptions: [on('enterprise')] });
    changesWith(team, day(5), day(-60), 'pro');
    expect(history(team)).toMatchObject([
      { plan: 'enterprise', startsAt: day(-60), endsAt: day(5) },
      { plan: 'pro', startsAt: day(5), endsAt: null },
    ]);
  });

  test('R4: a larger plan that was found before its event came is held since the event, once it comes', () => {
    const team = onPro();
    team.sees(day(3), { subscriptions: [on('enterprise')] }, { type: 'invoice.paid' });
    for (const at of [day(2), day(4), day(1)]) team.sees(day(4), {}, changed(at));
    expect(history(team)).toMatchObject([
      { plan: 'pro', startsAt: day(-60), endsAt: day(1) },
      { plan: 'enterprise', startsAt: day(1), endsAt: null },
    ]);
    expect(team.state.held).toEqual(open(team)[0]);
    team.sees(day(4), {}, changed(day(-61)));
    expect(open(team)).toMatchObject([{ plan: 'enterprise', startsAt: day(-60) }]);
  });

  test('R4: a smaller plan, and one of another subscription, do not begin before they were found', () => {
    const team = onPro();
    team.sees(day(1), { subscriptions: [on('enterprise')] });
    team.sees(day(3), { subscriptions: [on('pro')] }, { type: 'invoice.paid' });
    team.sees(day(4), {}, changed(day(2)));
    expect(open(team)).toMatchObject([{ plan: 'pro', startsAt: day(3) }]);
    const ended = subscription({ status: 'canceled', endedAt: day(5) });
    const next = on('enterprise', { id: 'sub_2', startedAt: day(6) });
    team.sees(day(6), { subscriptions: [ended, next] });
    team.sees(day(6), {}, changed(day(4)));
    expect(open(team)).toMatchObject([{ plan: 'enterprise', startsAt: day(6) }]);
  });

  test('R4: at each moment the history has the plan of that moment, or a larger one', () => {
    const moves = fc.array(
      fc.record({
        plan: fc.constantFrom<PlanId>('pro', 'enterprise'),
        /** Hours since the move before. */
        pause: fc.integer({ min: 1, max: 48 }),
        /** Hours by which the other event that is taken with it is older. */
        older: fc.integer({ min: 0, max: 96 }),
        /** Whether a payment is heard of first, and so late that the plan was found by it. */
        foundBefore: fc.boolean(),
      }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(moves, (steps) => {
        const team = onPro();
        let now = 0;
        for (const { plan, pause, older, foundBefore } of steps) {
          now += pause;
          const found = { subscriptions: [on(plan)] };
          if (foundBefore) team.sees(day(0, now + 0.9), found, { type: 'invoice.paid' });
          changesWith(team, day(0, now), day(0, now - older), plan);
        }
        let at = 0;
        for (const { plan, pause } of steps) {
          at += pause;
          const moment = day(0, at + 0.5);
          const held = history(team).filter(
            ({ startsAt, endsAt }) => startsAt <= moment && (endsAt === null || endsAt > moment),
          );
          const plans = held.map((period) => period.plan);
          expect(highestPlan([...plans, plan])).toBe(highestPlan(plans));
        }
      }),
    );
  });

  test('a clock ahead of ours leaves no gap', () => {
    const team = onPro();
    team.sees(day(0), { subscriptions: [on('enterprise')] }, changed(day(0, 1)));
    const [before, since] = history(team);
    expect(since?.startsAt).toBe(before?.endsAt);
  });

  const changes = fc.array(
    fc.record({
      plan: fc.constantFrom<PlanId | null>('pro', 'enterprise', null),
      status: fc.constantFrom('active', 'active', 'past_due', 'unpaid', 'paused'),
      /** Hours since the change before. */
      pause: fc.integer({ min: 0, max: 48 }),
      /** Hours by which the event that told of it is late or, where clocks differ, early. */
      late: fc.integer({ min: -1, max: 48 }),
    }),
    { maxLength: 12 },
  );

  test('whatever the changes and the times of the events that tell of them, it is what the state holds, without overlap', () => {
    fc.assert(
      fc.property(changes, (steps) => {
        const team = onPro();
        let now = 0;
        for (const { plan, status, pause, late } of steps) {
          now += pause;
          team.sees(
            day(0, now),
            { subscriptions: [on(plan, { status })] },
            changed(day(0, now - late)),
          );
          const { held } = team.state;
          expect(open(team)).toEqual(held === null ? [] : [held]);
          for (const { startsAt, endsAt } of history(team)) {
            expect(endsAt === null || endsAt >= startsAt).toBe(true);
          }
        }
      }),
    );
  });

  test('R4: while a subscription holds some plan, its history has no gap', () => {
    fc.assert(
      fc.property(changes, (steps) => {
        const team = onPro();
        let now = 0;
        for (const { plan, pause, late } of steps) {
          now += pause;
          team.sees(day(0, now), { subscriptions: [on(plan)] }, changed(day(0, now - late)));
        }
        const end = ({ endsAt }: PlanPeriod) => endsAt ?? day(100);
        const rows = history(team).toSorted(
          (a, b) => a.startsAt.localeCompare(b.startsAt) || end(a).localeCompare(end(b)),
        );
        for (const [i, { startsAt }] of rows.entries()) {
          if (i > 0) expect(startsAt).toBe(rows[i - 1]?.endsAt);
        }
      }),
    );
  });
});
