import { describe, expect, test } from 'vitest';
import { nextDueAt } from '../../src/domain/calls.js';
import { at, day, onPro, policy, renewal, unpaid } from './given.js';

describe('R27: a payment waits for the customer', () => {
  test('a mail, no strike, no attempt', () => {
    const team = at('confirming');
    team.reaches(day(0, 22));
    expect([team.strike, team.shown, team.sent]).toEqual([
      0,
      undefined,
      ['payment-action-required'],
    ]);
    expect(team.attempt()).toBeNull();
  });

  test('a confirmation that comes in time ends it without another mail', () => {
    const team = at('confirming');
    team.sees(day(0.5), { invoices: [renewal({ status: 'paid' })] });
    expect([team.stage(), team.sent]).toEqual(['none', ['payment-action-required']]);
  });

  test('unconfirmed after the window it is a failed attempt, and the ladder runs', () => {
    const team = at('confirming');
    team.reaches(day(0, 23));
    expect([team.strike, team.sent.at(-1)]).toEqual([1, 'payment-warning']);
    expect(nextDueAt(team.state)).toBe(day(3, 23));
  });

  test('R24: a card that comes meanwhile is tried as soon as the window has passed', () => {
    const team = at('confirming');
    team.sees(day(0.5), { defaultPaymentMethodIds: ['pm_2'] });
    expect(team.attempt()).toBeNull();
    team.reaches(day(0, 23));
    expect([team.strike, team.attempt()]).toMatchObject([
      1,
      { by: 'card', paymentMethodId: 'pm_2' },
    ]);
  });

  test('a card that the customer tries instead, and that fails, begins the ladder when it failed', () => {
    const team = at('confirming');
    team.sees(day(0.5), { invoices: [unpaid('in_1', day(0.25))] });
    expect([team.strike, nextDueAt(team.state)]).toEqual([1, day(3.25)]);
  });

  test('a confirmation that fails, without a charge to tell when, begins the ladder when we hear of it', () => {
    const team = at('confirming');
    const failed = { id: 'in_1#1', at: day(0, -1), paymentMethodId: null };
    team.sees(day(0, 20), { invoices: [renewal({ failures: [failed] })] });
    expect([team.strike, nextDueAt(team.state)]).toEqual([1, day(3, 20)]);
    expect(team.ladder()?.since).toBe(day(0, 20));
  });

  test('the window runs from when the bank asked, not from when we heard of it', () => {
    const team = onPro();
    const asked = { needsConfirmation: true, question: { at: day(0), paymentMethodId: 'pm_1' } };
    team.sees(day(2), { invoices: [renewal(asked)] });
    team.reaches(day(2));
    expect([team.strike, nextDueAt(team.state)]).toEqual([1, day(3, 23)]);
  });

  test('one that was confirmed, and nobody told, is no strike: Stripe is read first', () => {
    const team = at('confirming');
    team.truth = { ...team.truth, invoices: [renewal({ status: 'paid' })] };
    team.reaches(day(0, 23));
    expect([team.stage(), team.sent]).toEqual(['none', ['payment-action-required']]);
  });

  test('R28: and while Stripe cannot be read there is none either', () => {
    const team = at('confirming');
    team.take(day(0, 23), { kind: 'due' });
    team.take(day(9), { kind: 'due' });
    expect([team.stage(), team.calls]).toEqual(['confirming', ['read', 'hold']]);
    team.reads(day(9));
    team.reaches(day(9));
    expect([team.strike, team.ladder()?.since]).toEqual([1, day(0, 23)]);
  });

  test('ladders of before the look go on without it', () => {
    const { looks: _, ...before } = policy;
    const team = onPro(before);
    team.sees(day(0), { invoices: [renewal({ needsConfirmation: true })] });
    team.take(day(0, 23), { kind: 'due' });
    expect([team.strike, team.calls]).toEqual([1, ['hold']]);
  });

  test('also when a retry needs it: the next strike comes after the window', () => {
    const team = at('strike 1');
    team.reaches(day(3));
    team.tried(day(3), { kind: 'confirm' });
    expect([team.strike, nextDueAt(team.state)]).toEqual([1, day(3, 23)]);
    team.reaches(day(3, 23));
    expect(team.strike).toBe(2);
  });

  describe('a try of another card waits for its confirmation', () => {
    const waiting = () => {
      const team = at('strike 1');
      team.sees(day(2.5), { defaultPaymentMethodIds: ['pm_2'] });
      team.tried(day(2.5), { kind: 'confirm' });
      return team;
    };

    test('the timer, which stays as it was, tries only when the window has passed', () => {
      const team = waiting();
      expect(team.ladder()?.timer).toEqual({ at: day(3), for: 'attempt' });
      team.reaches(day(3));
      expect([team.attempt(), nextDueAt(team.state)]).toEqual([null, day(2.5, 23)]);
      team.reaches(day(2.5, 23));
      expect([team.strike, team.attempt()]).toMatchObject([1, { by: 'timer' }]);
    });

    test('or when it waits no more', () => {
      const team = waiting();
      team.sees(day(2.6), {});
      expect(nextDueAt(team.state)).toBe(day(3));
    });

    test("as does one of the customer's own, which is not mailed about", () => {
      const team = at('strike 1');
      const asked = {
        needsConfirmation: true,
        question: { at: day(2.5), paymentMethodId: 'pm_1' },
      };
      team.sees(day(2.6), { invoices: [{ ...unpaid('in_1', day(0)), ...asked }] });
      expect([nextDueAt(team.state), team.sent]).toEqual([day(2.5, 23), ['payment-warning']]);
    });
  });
});

describe('R22, R27: a payment without a ladder waits for the customer', () => {
  test.each([
    ['a first payment', 'first_payment'],
    ['an upgrade', 'other'],
  ] as const)('%s: one mail, no ladder', (_, origin) => {
    const team = onPro();
    const invoice = renewal({ origin, needsConfirmation: true });
    team.sees(day(0), { invoices: [invoice] });
    team.sees(day(0.1), {});
    expect([team.sent, team.state.ladders]).toEqual([['payment-action-required'], []]);
    expect(team.noted('confirmation_needed')).toHaveLength(1);
  });

  test('when it has ended, what was not mailed of it is not to be', () => {
    const team = onPro();
    const invoice = renewal({ origin: 'other', needsConfirmation: true });
    team.sees(day(0), { invoices: [invoice] });
    const effects = team.sees(day(1), { invoices: [{ ...invoice, status: 'void' }] });
    expect(effects).toContainEqual({ kind: 'withdraw_mails', invoiceId: 'in_1' });
    expect(team.state.askedToConfirm).toEqual([]);
  });

  test.each([
    ['an invoice of no subscription', { subscriptionId: null }],
    ["another subscription's", { subscriptionId: 'sub_2' }],
    ['one that waits for nobody', { needsConfirmation: false }],
    ['a paid one', { status: 'paid' }],
  ] as const)('no mail of %s', (_, of) => {
    const team = onPro();
    team.sees(day(0), { invoices: [renewal({ origin: 'other', needsConfirmation: true, ...of })] });
    expect(team.sent).toEqual([]);
  });
});
