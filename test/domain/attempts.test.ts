import { describe, expect, test } from 'vitest';
import { callsOf, nextDueAt } from '../../src/domain/calls.js';
import type { Outcome } from '../../src/domain/team.js';
import { at, day, declined, onPro, renewal, unpaid } from './given.js';

describe('R24: a new card is tried at once', () => {
  test.each(['strike 1', 'strike 2', 'strike 3'] as const)('at %s', (stage) => {
    const team = at(stage);
    team.sees(day(9), { defaultPaymentMethodIds: ['pm_2'] });
    expect(team.attempt()).toMatchObject({ by: 'card', paymentMethodId: 'pm_2' });
    team.tried(day(9), { kind: 'paid' });
    expect([team.strike, team.sent.at(-1)]).toEqual([0, 'payment-recovered']);
  });

  test('added, without being the default', () => {
    const team = at('strike 1');
    team.sees(day(1), {}, { type: 'payment_method.attached', object: 'pm_2' });
    expect(team.attempt()).toMatchObject({ by: 'card', paymentMethodId: 'pm_2' });
  });

  test('but not a card from before the failure, of which an event tells late', () => {
    const team = at('strike 1');
    const late = { type: 'payment_method.attached', object: 'pm_old', at: day(-30) };
    team.sees(day(1), {}, late);
    expect(team.calls).not.toContain('attempt');
  });

  test('also one that came between a failure for want of a card and its reading', () => {
    const team = onPro();
    const cardless = renewal({ failures: [{ id: 'in_1#1', at: day(0), paymentMethodId: null }] });
    team.sees(
      day(0.1),
      { invoices: [cardless], defaultPaymentMethodIds: ['pm_new'] },
      { type: 'payment_method.attached', object: 'pm_new', at: day(0.05) },
    );
    expect(team.strike).toBe(1);
    expect(team.attempt()).toMatchObject({ by: 'card', paymentMethodId: 'pm_new' });
  });

  test('but not the default card that failed without a charge', () => {
    const team = onPro();
    const failed = renewal({ failures: [{ id: 'in_1#1', at: day(0), paymentMethodId: null }] });
    team.sees(day(0.1), { invoices: [failed] });
    expect(team.strike).toBe(1);
    expect(team.calls).not.toContain('attempt');
  });

  test.each([
    ['the card network', 'payment_method.automatically_updated'],
    ['its owner', 'payment_method.updated'],
  ])('updated, by %s, under the same id', (_, type) => {
    const team = at('strike 1');
    team.sees(day(1), {}, { type, object: 'pm_1' });
    expect(team.attempt()).toMatchObject({ by: 'card', paymentMethodId: 'pm_1' });
  });

  test('on all open invoices', () => {
    const team = onPro();
    team.sees(day(1), { invoices: [unpaid('in_1', day(0)), unpaid('in_2', day(1))] });
    team.sees(day(2), { defaultPaymentMethodIds: ['pm_2'] });
    expect(team.attempt('in_1')).toMatchObject({ by: 'card' });
    expect(team.attempt('in_2')).toMatchObject({ by: 'card' });
  });

  test("a decline is the customer's: on the timeline, no strike, no mail, the timer goes on", () => {
    const team = at('strike 1');
    team.sees(day(1), { defaultPaymentMethodIds: ['pm_2'] });
    team.tried(day(1), declined('ch_2', 'pm_2'));
    expect(team.failuresNoted('ch_2')).toHaveLength(1);
    expect([team.strike, team.sent, nextDueAt(team.state)]).toEqual([
      1,
      ['payment-warning'],
      day(3),
    ]);
  });

  test('once: attached and made default are one card', () => {
    const team = at('strike 1');
    const defaultPaymentMethodIds = ['pm_2'];
    team.sees(day(1), { defaultPaymentMethodIds }, { type: 'customer.updated' });
    team.tried(day(1), declined('ch_2', 'pm_2'));
    team.sees(day(1), {}, { type: 'payment_method.attached', object: 'pm_2' });
    expect(team.attempt()).toBeNull();
  });

  test('two cards are tried one after the other', () => {
    const team = at('strike 1');
    team.sees(day(1), { defaultPaymentMethodIds: ['pm_2'] });
    team.sees(day(1), { defaultPaymentMethodIds: ['pm_3'] });
    expect(team.attempt()).toMatchObject({ paymentMethodId: 'pm_2' });
    team.tried(day(1), declined('ch_2', 'pm_2'));
    expect(team.attempt()).toMatchObject({ paymentMethodId: 'pm_3', number: 2 });
  });

  test('not again where the retry that was under way has used it', () => {
    const team = at('strike 1');
    team.reaches(day(3));
    team.sees(day(3), { defaultPaymentMethodIds: ['pm_2'] });
    team.tried(day(3), declined('ch_2', 'pm_2'));
    expect(team.strike).toBe(2);
    expect(team.attempt()).toBeNull();
  });

  test('a card that came after the first failure, however late we hear of both', () => {
    const team = onPro();
    team.sees(day(1), { invoices: [unpaid('in_1', day(0))], defaultPaymentMethodIds: ['pm_2'] });
    expect(team.attempt()).toMatchObject({ by: 'card', paymentMethodId: 'pm_2' });
  });

  test('the one that failed is not tried again before its time', () => {
    const team = at('strike 1');
    team.sees(day(1), {});
    expect(team.attempt()).toBeNull();
  });

  test('R27: while a payment waits for the customer, none is', () => {
    const team = at('confirming');
    team.sees(day(0.1), { defaultPaymentMethodIds: ['pm_2'] });
    expect(team.attempt()).toBeNull();
  });
});

describe('R28: answers to an attempt that are neither paid nor declined', () => {
  const tried = (outcome: Outcome) => {
    const team = at('strike 1');
    team.reaches(day(3));
    team.tried(day(3), outcome);
    return team;
  };

  test('gone: what is true is read, and ends the ladder', () => {
    const team = tried({ kind: 'gone' });
    expect(team.state.reading?.invoiceIds).toEqual(['in_1']);
    expect(team.attempt()).toBeNull();
    team.truth = { ...team.truth, invoices: [renewal({ status: 'void' })] };
    team.reads(day(3));
    expect([team.strike, team.sent]).toEqual([0, ['payment-warning']]);
  });

  test('another 4xx: noted, no strike, and no further attempt until the next fact', () => {
    const team = tried({ kind: 'stopped', code: 'parameter_invalid' });
    expect(team.strike).toBe(1);
    expect(team.noted('payment_attempt_stopped')).toHaveLength(1);
    team.reaches(day(4));
    expect([team.attempt(), nextDueAt(team.state)]).toEqual([null, null]);
    team.sees(day(5), {});
    team.reaches(day(5));
    expect(team.attempt()).toMatchObject({ by: 'timer', number: 2 });
  });

  test('or until an operator tries', () => {
    const team = tried({ kind: 'stopped', code: 'parameter_invalid' });
    team.acts(day(4), 'retryPayment');
    expect(team.attempt()).toMatchObject({ by: 'operator', number: 2 });
  });
});

describe('R28: what Stripe refuses to do with an invoice', () => {
  test('to stop its own retries: noted, and asked no more; they are no strikes', () => {
    const team = at('strike 1');
    team.take(day(0), { kind: 'held', invoiceId: 'in_1', refused: 'invoice_not_editable' });
    expect(team.noted('hold_refused')).toMatchObject([{ details: { invoiceId: 'in_1' } }]);
    expect([team.calls, team.strike]).toEqual([[], 1]);
  });

  test('to write it off: noted, and asked no more', () => {
    const team = at('strike 1');
    team.acts(day(1), 'waive');
    const refused = { kind: 'written_off' as const, invoiceId: 'in_1', refused: 'no' };
    team.take(day(1), refused);
    team.take(day(1), refused);
    expect(team.noted('write_off_refused')).toMatchObject([{ details: { code: 'no' } }]);
    expect(team.calls).toEqual([]);
  });
});

describe('R35: the number of an attempt is its key', () => {
  test('it rises with each attempt, whoever tries', () => {
    const team = at('strike 1');
    team.acts(day(1), 'retryPayment');
    team.tried(day(1), declined('ch_2'));
    team.reaches(day(3));
    expect(callsOf(team.state).map(({ id }) => id)).toContain('attempt:in_1:2');
  });

  test('it is known since when it stands: Stripe forgets a key after a day', () => {
    const team = at('strike 1');
    team.reaches(day(3));
    expect(team.attempt()).toMatchObject({ number: 1, startedAt: day(3) });
  });

  test('a key that is spent on a stored error gives way to the next, for the same attempt', () => {
    const team = at('strike 1');
    team.sees(day(1), { defaultPaymentMethodIds: ['pm_2'] });
    const before = team.attempt();
    team.tried(day(1), { kind: 'key_spent' });
    expect(team.attempt()).toEqual({ ...before, number: 2 });
  });
});
