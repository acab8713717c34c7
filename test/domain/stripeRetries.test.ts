import { describe, expect, test } from 'vitest';
import { nextDueAt } from '../../src/domain/calls.js';
import { nextAttemptAt } from '../../src/domain/dunning.js';
import type { Instant } from '../../src/domain/instant.js';
import type { Invoice } from '../../src/domain/team.js';
import { day, declined, onPro, policy, type Story, stripeRetries, unpaid } from './given.js';

/** The renewal with these failed charges, of which Stripe counts so many; it tries again at `next`. */
function counted(count: number, next: Instant | null, ...failedAt: Instant[]): Invoice {
  return { ...unpaid('in_1', ...failedAt), attemptCount: count, nextPaymentAttemptAt: next };
}

/** The renewal of a customer who has no card. */
function cardless(count: number, next: Instant): Invoice {
  const failures = [{ id: `in_1#${count}`, at: day(0), paymentMethodId: null }];
  return { ...counted(count, next), failures };
}

/** A team whose renewal failed on day 0, and which Stripe tries again on day 3. */
function failedOnce(): Story {
  const team = onPro(stripeRetries);
  team.sees(day(0), { invoices: [counted(1, day(3), day(0))] });
  return team;
}

/** Stripe changes, and nobody is told. */
function silently(team: Story, invoice: Invoice): void {
  team.truth = { ...team.truth, invoices: [invoice] };
}

describe("R24: in mode `stripe` an invoice keeps Stripe's own retries", () => {
  test('the first failure is strike 1, and takes none of them away', () => {
    const team = failedOnce();
    expect([team.strike, team.calls, team.sent]).toEqual([1, [], ['payment-warning']]);
  });

  test('the next attempt that the customer is told of is that of Stripe', () => {
    const team = failedOnce();
    expect(team.mails[0]?.details).toMatchObject({ nextAttemptAt: day(3) });
    expect(team.noted('strike')[0]?.details.nextAttemptAt).toBe(day(3));
  });
});

describe('R23: in mode `stripe` strikes follow the attempts of Stripe', () => {
  test.each<[string, Instant, Invoice, number[], Instant]>([
    ['an automatic attempt', day(3), counted(2, day(8), day(0), day(3)), [1, 2], day(8, 1)],
    ["a customer's try is none", day(1), counted(1, day(3), day(0), day(1)), [1], day(3, 1)],
    [
      'both at once: the strike is the later one, from when Stripe had planned it',
      day(4),
      counted(2, day(8), day(0), day(1), day(3)),
      [1, 2],
      day(8, 1),
    ],
    [
      'two that nobody told of: none is skipped',
      day(9),
      counted(3, null, day(0), day(3), day(8)),
      [1, 2, 3],
      day(400),
    ],
    [
      'one counted and not made, after a hard decline: none',
      day(3),
      counted(2, null, day(0)),
      [1],
      day(3),
    ],
    [
      'several counted, one made: no more than were made',
      day(9),
      counted(3, null, day(0), day(3)),
      [1, 2],
      day(8),
    ],
  ])('%s', (_, now, invoice, strikes, due) => {
    const team = failedOnce();
    team.sees(now, { invoices: [invoice] });
    expect(team.strikes()).toEqual(strikes);
    expect(nextDueAt(team.state) ?? day(400)).toBe(due);
    team.sees(now, {});
    expect(team.strikes()).toEqual(strikes);
  });

  test("a customer's try after a hard decline, while Stripe counts on, is none", () => {
    const team = onPro(stripeRetries);
    team.sees(day(0), { invoices: [counted(1, null, day(0))] });
    team.sees(day(3), { invoices: [counted(2, null, day(0), day(2))] });
    expect([team.strikes(), nextDueAt(team.state)]).toEqual([[1], day(3)]);
  });

  test('two that failed before anything was heard are two strikes, each mailed', () => {
    const team = onPro(stripeRetries);
    team.sees(day(4), { invoices: [counted(2, day(8), day(0), day(3))] });
    expect(team.strikes()).toEqual([1, 2]);
    expect(team.sent).toEqual(['payment-warning', 'payment-critical']);
    expect(nextDueAt(team.state)).toBe(day(8, 1));
  });

  test('one that failed for want of a card, when Stripe had planned it', () => {
    const team = onPro(stripeRetries);
    team.sees(day(0), { invoices: [cardless(1, day(3))] });
    team.sees(day(3.5), { invoices: [cardless(2, day(20))] });
    expect(team.strikes()).toEqual([1, 2]);
    expect(team.ladder()?.timer?.at).toBe(day(8));
  });

  test('after strike 3 a further one is on the timeline alone', () => {
    const team = failedOnce();
    team.sees(day(9), { invoices: [counted(3, day(15), day(0), day(3), day(8))] });
    team.sees(day(15), { invoices: [counted(4, null, day(0), day(3), day(8), day(15))] });
    expect([team.strikes(), team.sent.length]).toEqual([[1, 2, 3], 3]);
    expect(team.failuresNoted('in_1_ch_4')).toHaveLength(1);
  });
});

describe('R24: in mode `stripe` the timer is the safety net', () => {
  test('nobody tells anything: an hour after the attempt it is seen, and counts when it failed', () => {
    const team = failedOnce();
    silently(team, counted(2, day(8), day(0), day(3)));
    team.reaches(day(3, 1));
    expect([team.strikes(), team.attempt()]).toEqual([[1, 2], null]);
    expect(nextDueAt(team.state)).toBe(day(8, 1));
  });

  test('nobody tells of a payment: it is seen', () => {
    const team = failedOnce();
    silently(team, { ...counted(2, null, day(0)), status: 'paid' });
    team.reaches(day(3, 1));
    expect([team.strike, team.sent.at(-1)]).toEqual([0, 'payment-recovered']);
  });

  test('Stripe has not tried by then: we do, and that failure is the strike', () => {
    const team = failedOnce();
    team.reaches(day(3));
    expect(team.attempt()).toBeNull();
    team.fails(day(3, 1));
    expect(team.strikes()).toEqual([1, 2]);
    // The attempt that Stripe owes still is no reason to try again before the interval is over.
    team.reads(day(3, 1));
    team.reaches(day(3, 2));
    expect([team.attempt(), nextDueAt(team.state)]).toEqual([null, day(8, 1)]);
  });

  test('Stripe has given up: we try at the interval', () => {
    const team = onPro(stripeRetries);
    team.sees(day(0), { invoices: [counted(1, null, day(0))] });
    team.fails(day(3));
    team.reads(day(3));
    team.fails(day(8));
    expect([team.strikes(), nextDueAt(team.state)]).toEqual([[1, 2, 3], null]);
  });

  test.each([
    ['later than the interval: we do not wait for it', day(7), day(3), day(3)],
    ['earlier: we look for it', day(1), day(1), day(1, 1)],
    ['within the hour after the interval: it is waited for', day(3, 0.5), day(3, 0.5), day(3, 1.5)],
  ])('Stripe tries again %s', (_, next, shown, due) => {
    const team = onPro(stripeRetries);
    team.sees(day(0), { invoices: [counted(1, next, day(0))] });
    const ladder = team.ladder();
    expect([ladder && nextAttemptAt(ladder), nextDueAt(team.state)]).toEqual([shown, due]);
  });

  test.each(['before', 'after'])(
    'a webhook of our own attempt counts once, read %s its outcome',
    (order) => {
      const team = failedOnce();
      team.reaches(day(3, 1));
      const invoices = [counted(1, day(3), day(0), day(3, 1))];
      if (order === 'before') team.sees(day(3, 1), { invoices });
      silently(team, counted(1, day(3), day(0), day(3, 1)));
      team.tried(day(3, 1), declined('in_1_ch_2'));
      team.reads(day(3, 1));
      if (order === 'after') team.sees(day(3, 1), { invoices });
      expect(team.strikes()).toEqual([1, 2]);
      expect(team.failuresNoted('in_1_ch_2')).toHaveLength(1);
    },
  );

  test('an attempt of Stripe that comes while ours is under way is read after it', () => {
    const team = failedOnce();
    team.sees(day(1), { defaultPaymentMethodIds: ['pm_2'] });
    team.sees(day(3), { invoices: [counted(2, day(8), day(0), day(3))] });
    expect(team.strikes()).toEqual([1]);
    team.tried(day(3), declined('ch_ours', 'pm_2'));
    team.reads(day(3));
    expect(team.strikes()).toEqual([1, 2]);
  });
});

describe('R27: in mode `stripe` a retry waits for the customer', () => {
  const asked = (count: number, at: Instant, ...failedAt: Instant[]): Invoice => ({
    ...counted(count, null, ...failedAt),
    needsConfirmation: true,
    question: { at, paymentMethodId: 'pm_1' },
  });

  test('a mail each time, and a strike when the window has passed', () => {
    const team = onPro(stripeRetries);
    team.sees(day(0), { invoices: [asked(1, day(0))] });
    team.reaches(day(0, 23));
    team.sees(day(3), { invoices: [asked(2, day(3))] });
    expect([team.strikes(), nextDueAt(team.state)]).toEqual([[1], day(3, 23)]);
    team.reaches(day(3, 23));
    expect([team.strikes(), team.sent]).toEqual([
      [1, 2],
      ['payment-action-required', 'payment-warning', 'payment-action-required', 'payment-critical'],
    ]);
    const causes = team.mails.map(({ mail, cause }) => `${mail} ${cause}`);
    expect(new Set(causes).size).toBe(causes.length);
  });

  test("a question to the customer's own try is no attempt of Stripe's", () => {
    const team = failedOnce();
    team.sees(day(1), { invoices: [asked(1, day(1), day(0))] });
    expect([team.sent, team.ladder()?.timer?.for]).toEqual([['payment-warning'], 'attempt']);
    // Counted on and not made: the question stays the customer's.
    team.sees(day(3), { invoices: [asked(2, day(1), day(0))] });
    expect([team.sent, team.strikes()]).toEqual([['payment-warning'], [1]]);
  });

  test('at strike 3 nothing waits any more', () => {
    const team = failedOnce();
    team.sees(day(9), { invoices: [counted(3, day(15), day(0), day(3), day(8))] });
    team.sees(day(15), { invoices: [asked(4, day(15), day(0), day(3), day(8))] });
    expect([team.stage(), team.sent.at(-1)]).toEqual(['strike 3', 'payment-action-required']);
    expect(nextDueAt(team.state)).toBeNull();
  });
});

describe('R24: a ladder keeps the mode in which it began', () => {
  test('from `stripe` to `tagih`', () => {
    const team = failedOnce();
    team.sees(day(1), { policy });
    team.sees(day(3), { invoices: [counted(2, day(8), day(0), day(3))] });
    expect([team.strikes(), team.calls]).toEqual([[1, 2], []]);
  });

  test('from `tagih` to `stripe`', () => {
    const team = onPro();
    team.sees(day(0), { invoices: [counted(1, day(3), day(0))] });
    const invoices = [counted(2, day(8), day(0), day(2))];
    team.sees(day(2), { policy: stripeRetries, invoices });
    expect([team.strikes(), team.calls, nextDueAt(team.state)]).toEqual([[1], ['hold'], day(3)]);
  });
});
