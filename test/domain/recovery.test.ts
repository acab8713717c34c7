import { describe, expect, test } from 'vitest';
import { callsOf, nextDueAt } from '../../src/domain/calls.js';
import { subscriptionStatus } from '../../src/domain/subscription.js';
import {
  at,
  day,
  declined,
  hint,
  onPro,
  renewal,
  type Story,
  subscription,
  unpaid,
} from './given.js';

describe('R25: several invoices are open', () => {
  const two = [unpaid('in_1', day(0)), unpaid('in_2', day(1))];

  test('the strike of the team is the highest; a stage is mailed when that rises', () => {
    const team = onPro();
    team.sees(day(1), { invoices: two });
    expect(team.sent).toEqual(['payment-warning']);
    team.fails(day(3), 'in_1');
    expect(team.sent).toEqual(['payment-warning', 'payment-critical']);
    team.fails(day(4), 'in_2');
    expect(team.sent).toEqual(['payment-warning', 'payment-critical']);
    expect(team.strikes()).toEqual([1, 1, 2, 2]);
  });

  test('the highest strike is shown, of equals the older', () => {
    const team = onPro();
    team.sees(day(1), { invoices: two.toReversed() });
    expect(team.shown).toBe('in_1');
    team.fails(day(4), 'in_2');
    expect(team.shown).toBe('in_2');
  });

  test('which one is shown does not hang on the order in which Stripe lists them', () => {
    const team = onPro();
    const invoices = [unpaid('in_1', day(0)), unpaid('in_2', day(0))];
    team.sees(day(0), { invoices });
    const { shown } = team;
    team.sees(day(0), { invoices: invoices.toReversed() });
    expect(team.shown).toBe(shown);
  });

  test('the next attempt is the earliest of all', () => {
    const team = onPro();
    team.sees(day(1), { invoices: two.toReversed() });
    expect(nextDueAt(team.state)).toBe(day(3));
    team.fails(day(3), 'in_1');
    expect(nextDueAt(team.state)).toBe(day(4));
  });

  test('recovery needs all of them', () => {
    const team = onPro();
    team.sees(day(1), { invoices: two });
    team.sees(day(2), { invoices: [renewal({ status: 'paid' }), unpaid('in_2', day(1))] });
    expect([team.strike, team.sent]).toEqual([1, ['payment-warning']]);
    team.sees(day(2), { invoices: [renewal({ id: 'in_2', status: 'paid' })] });
    expect([team.strike, team.sent.at(-1)]).toEqual([0, 'payment-recovered']);
  });

  test('an invoice that waits for its confirmation is open too', () => {
    const team = onPro();
    const waits = renewal({ id: 'in_2', needsConfirmation: true });
    team.sees(day(0), { invoices: [unpaid('in_1', day(0)), waits] });
    team.sees(day(0), { invoices: [renewal({ status: 'paid' }), waits] });
    expect(team.sent).not.toContain('payment-recovered');
    team.sees(day(0), { invoices: [renewal({ id: 'in_2', status: 'paid' })] });
    expect(team.sent.at(-1)).toBe('payment-recovered');
  });

  test('R26: it is told of once, and not of a payment that came without a strike', () => {
    const team = at('strike 1');
    team.sees(day(1), { invoices: [renewal({ status: 'paid' })] });
    const waits = renewal({ id: 'in_2', needsConfirmation: true });
    team.sees(day(30), { invoices: [waits] });
    team.sees(day(30), { invoices: [{ ...waits, status: 'paid' }] });
    expect(team.sent.filter((mail) => mail === 'payment-recovered')).toHaveLength(1);
  });
});

describe('R26: what ends a ladder', () => {
  const ends: Record<string, (team: Story) => void> = {
    void: (team) => team.sees(day(8), { invoices: [renewal({ status: 'void' })] }),
    'write-off': (team) => team.sees(day(8), { invoices: [renewal({ status: 'uncollectible' })] }),
    waiver: (team) => team.acts(day(8), 'waive'),
    cancellation: (team) =>
      team.sees(day(8), { subscriptions: [subscription({ status: 'canceled', endedAt: day(8) })] }),
  };

  for (const [name, end] of Object.entries(ends)) {
    test(`${name}: timer and attempt stop at once, nothing is mailed, nothing starts again`, () => {
      const team = at('strike 2');
      team.reaches(day(8));
      const number = team.attempt()?.number ?? 0;
      const mails = team.sent.length;
      end(team);
      team.take(day(8), {
        kind: 'attempted',
        invoiceId: 'in_1',
        number,
        outcome: declined('ch_late'),
      });
      // A stale copy of Stripe's truth still has the invoice open.
      team.sees(day(9), { invoices: [unpaid('in_1', day(0), day(3))] });
      team.reaches(day(60));
      expect(team.state.ladders).toEqual([]);
      expect(nextDueAt(team.state)).toBeNull();
      expect(team.calls).not.toContain('attempt');
      expect(team.sent).toHaveLength(mails);
    });
  }

  test('payment: one mail of recovery', () => {
    const team = at('strike 3');
    team.sees(day(9), { invoices: [renewal({ status: 'paid' })] });
    team.sees(day(9), {});
    expect(team.sent.filter((mail) => mail === 'payment-recovered')).toHaveLength(1);
    expect(subscriptionStatus(team.state.subscription, team.strike)).toBe('active');
  });

  test('the last one is void: no mail of recovery', () => {
    const team = onPro();
    team.sees(day(1), { invoices: [unpaid('in_1', day(0)), unpaid('in_2', day(1))] });
    team.sees(day(2), { invoices: [renewal({ status: 'paid' }), unpaid('in_2', day(1))] });
    team.sees(day(3), { invoices: [renewal({ id: 'in_2', status: 'void' })] });
    expect([team.strike, team.sent]).toEqual([0, ['payment-warning']]);
  });
});

test('R22: a renewal has its ladder, whatever else the customer buys', () => {
  const team = onPro();
  const support = subscription({ id: 'sub_2', startedAt: day(0), priceId: 'price_x', plan: null });
  team.sees(day(0), { subscriptions: [subscription(), support] });
  team.sees(day(1), { invoices: [unpaid('in_1', day(1))] });
  expect([team.strike, team.sent]).toEqual([1, ['payment-warning']]);
});

test('R22: a second subscription beside it takes no strike away', () => {
  const team = at('strike 3');
  const second = subscription({ id: 'sub_2', startedAt: day(9) });
  team.sees(day(9), { subscriptions: [subscription({ status: 'past_due' }), second] });
  expect(team.strike).toBe(3);
  team.sees(day(10), { subscriptions: [subscription({ status: 'canceled' }), second] });
  expect(team.strike).toBe(0);
});

test("R22: nothing ends a ladder by not being listed: what a customer of before owes is read by its subscription's id", () => {
  const team = at('strike 1');
  const next = subscription({ id: 'sub_2', customerId: 'cus_2', startedAt: day(1) });
  team.sees(day(1), { customerId: 'cus_2', subscriptions: [subscription(), next] });
  team.take(day(2), hint({ id: 'evt_next' }));
  const [call] = callsOf(team.state);
  expect(call).toMatchObject({ kind: 'read', customerId: 'cus_2', subscriptionId: 'sub_2' });
  expect(call).toMatchObject({ reading: { subscriptionIds: ['sub_1'] } });
});
