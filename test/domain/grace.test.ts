import { describe, expect, test } from 'vitest';
import { nextDueAt } from '../../src/domain/calls.js';
import { isPaused } from '../../src/domain/dunning.js';
import { at, day, declined, onPro, renewal, stripeRetries, unpaid } from './given.js';

describe('R31: pausing and resuming', () => {
  test.each([
    ['strike 1', 1, 3],
    ['strike 2', 4, 8],
  ] as const)('at %s the timer keeps what it had left, and goes on with it', (stage, then, due) => {
    const team = at(stage);
    team.acts(day(then), 'pauseDunning');
    expect([nextDueAt(team.state), isPaused(team.state.ladders)]).toEqual([null, true]);
    team.reaches(day(100));
    expect([team.stage(), team.attempt()]).toEqual([stage, null]);
    team.acts(day(100), 'resumeDunning');
    expect([nextDueAt(team.state), isPaused(team.state.ladders)]).toEqual([
      day(100 + due - then),
      false,
    ]);
    team.fails(day(100 + due - then));
    expect(team.strike).toBe(stage === 'strike 1' ? 2 : 3);
  });

  test('who paused is kept, and each act leaves a line', () => {
    const team = at('strike 1');
    team.acts(day(1), 'pauseDunning', { actor: 'rina' });
    expect(team.ladder()?.paused?.actor).toBe('rina');
    team.acts(day(2), 'resumeDunning');
    team.acts(day(2), 'extendGrace', { until: day(9) });
    expect(team.noted('operator_pause_dunning')).toMatchObject([{ actor: 'rina' }]);
    expect(team.noted('operator_resume_dunning')).toMatchObject([{ actor: 'budi' }]);
    expect(team.noted('operator_extend_grace')).toMatchObject([{ details: { until: day(9) } }]);
  });

  test('R24, R26: while paused a new card, an operator and a payment still do what they do', () => {
    const team = at('strike 1');
    team.acts(day(1), 'pauseDunning');
    team.sees(day(2), { defaultPaymentMethodIds: ['pm_new'] });
    expect(team.attempt()).toMatchObject({ by: 'card', paymentMethodId: 'pm_new' });
    team.tried(day(2), declined('ch_card', 'pm_new'));
    team.acts(day(3), 'retryPayment');
    team.tried(day(3), declined('ch_operator'));
    expect([team.strike, team.ladder()?.paused?.remaining]).toEqual([1, 2 * 86_400_000]);
    team.sees(day(4), { invoices: [renewal({ status: 'paid' })] });
    expect([team.strike, team.sent.at(-1)]).toEqual([0, 'payment-recovered']);
  });

  test('R24: what Stripe tries by itself meanwhile is noted, and is no strike', () => {
    const team = onPro(stripeRetries);
    team.sees(day(0), { invoices: [{ ...unpaid('in_1', day(0)), attemptCount: 1 }] });
    team.acts(day(1), 'pauseDunning');
    team.sees(day(2), { invoices: [{ ...unpaid('in_1', day(0), day(2)), attemptCount: 2 }] });
    expect(team.strike).toBe(1);
    expect(team.failuresNoted('in_1_ch_2')).toHaveLength(1);
    team.acts(day(5), 'resumeDunning');
    expect(nextDueAt(team.state)).toBe(day(7));
  });

  test('one of two invoices: the other goes on, and the team is not shown as paused', () => {
    const team = onPro();
    team.sees(day(1), { invoices: [unpaid('in_1', day(0)), unpaid('in_2', day(1))] });
    team.acts(day(1), 'pauseDunning', { invoiceId: 'in_1' });
    expect([nextDueAt(team.state), isPaused(team.state.ladders)]).toEqual([day(4), false]);
    team.acts(day(1), 'pauseDunning');
    expect(isPaused(team.state.ladders)).toBe(true);
  });

  test('refused: twice, while nothing is paused, during an attempt of the timer, and when locked', () => {
    const team = at('strike 1');
    expect(team.refuses(day(1), 'resumeDunning')).toBe('not_paused');
    team.acts(day(1), 'pauseDunning');
    expect(team.refuses(day(1), 'pauseDunning')).toBe('already_paused');
    expect(team.refuses(day(1), 'extendGrace', { until: day(9) })).toBe('already_paused');
    const trying = at('strike 1');
    trying.reaches(day(3));
    expect(trying.refuses(day(3), 'pauseDunning')).toBe('attempt_under_way');
    expect(at('strike 3').refuses(day(9), 'pauseDunning')).toBe('no_attempt_ahead');
    expect(at('confirming').refuses(day(0), 'pauseDunning')).toBe('no_open_invoice');
  });
});

describe('R31: extending the grace', () => {
  test.each([
    ['strike 1', 3],
    ['strike 2', 8],
  ] as const)('at %s the next attempt is made at its end, and not before', (stage, due) => {
    const team = at(stage);
    team.acts(day(due - 1), 'extendGrace', { until: day(20) });
    team.reaches(day(due));
    expect([team.attempt(), nextDueAt(team.state)]).toEqual([null, day(20)]);
    team.fails(day(20));
    expect(team.strike).toBe(stage === 'strike 1' ? 2 : 3);
  });

  test('R24: what Stripe tries by itself before its end is no strike, what it tries after it is', () => {
    const team = onPro(stripeRetries);
    const first = { attemptCount: 1, nextPaymentAttemptAt: day(2) };
    team.sees(day(0), { invoices: [{ ...unpaid('in_1', day(0)), ...first }] });
    team.acts(day(1), 'extendGrace', { until: day(6) });
    expect(nextDueAt(team.state)).toBe(day(6));
    const second = { attemptCount: 2, nextPaymentAttemptAt: day(6, 1) };
    team.sees(day(2), { invoices: [{ ...unpaid('in_1', day(0), day(2)), ...second }] });
    expect(team.strike).toBe(1);
    const third = { ...unpaid('in_1', day(0), day(2), day(6, 1)), attemptCount: 3 };
    team.sees(day(6, 1), { invoices: [third] });
    expect(team.strike).toBe(2);
  });

  test('refused: not later than the next attempt, in the past, more than a year ahead, when locked', () => {
    const team = at('strike 1');
    const refused = (until: number, now = 1) =>
      team.refuses(day(now), 'extendGrace', { until: day(until) });
    expect([refused(2), refused(3), refused(3.1), refused(400)]).toEqual([
      'not_later',
      'not_later',
      undefined,
      'too_late',
    ]);
    expect(refused(5, 6)).toBe('not_later');
    expect(at('strike 3').refuses(day(9), 'extendGrace', { until: day(20) })).toBe(
      'no_attempt_ahead',
    );
  });

  test('an attempt that Stripe refused to make is made at its end', () => {
    const team = at('strike 1');
    team.reaches(day(3));
    team.tried(day(3), { kind: 'stopped', code: 'odd' });
    team.acts(day(4), 'extendGrace', { until: day(6) });
    expect(nextDueAt(team.state)).toBe(day(6));
  });
});
