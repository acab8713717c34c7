import { describe, expect, test } from 'vitest';
import { nextDueAt } from '../../src/domain/calls.js';
import { type Happening, ladderTable, type Stage } from '../../src/domain/dunning.js';
import { subscriptionStatus } from '../../src/domain/subscription.js';
import type { Invoice } from '../../src/domain/team.js';
import { at, day, declined, HOUR, onPro, renewal, type Story, unpaid } from './given.js';

describe('R22: three strikes', () => {
  test('each stage is entered, recorded and mailed, in order', () => {
    const team = onPro();
    const status = () => subscriptionStatus(team.state.subscription, team.strike);

    team.sees(day(0), { invoices: [unpaid('in_1', day(0))] });
    expect([team.strike, status(), team.sent]).toEqual([1, 'past_due', ['payment-warning']]);
    team.fails(day(3));
    expect([team.strike, status(), team.sent.at(-1)]).toEqual([2, 'past_due', 'payment-critical']);
    team.fails(day(8));
    expect([team.strike, status(), team.sent.at(-1)]).toEqual([3, 'unpaid', 'account-locked']);

    expect(team.sent).toHaveLength(3);
    expect(team.ladder()?.since).toBe(day(0));
    expect(team.strikes()).toEqual([1, 2, 3]);
  });

  test('after the third, no timer runs', () => {
    const team = at('strike 3');
    team.reaches(day(400));
    expect(nextDueAt(team.state)).toBeNull();
    expect(team.attempt()).toBeNull();
  });

  const { failures } = unpaid('in_1', day(0));
  test.each<[string, Invoice]>([
    ['a first payment', renewal({ failures, origin: 'first_payment' })],
    ['an invoice of ours, or of an upgrade', renewal({ failures, origin: 'other' })],
    ["another subscription's invoice", renewal({ failures, subscriptionId: 'sub_2' })],
    ['a paid invoice', renewal({ failures, status: 'paid' })],
    ['an invoice that nobody has tried to pay', renewal()],
  ])('%s has no ladder', (_, invoice) => {
    const team = onPro();
    team.sees(day(0), { invoices: [invoice] });
    expect(team.state.ladders).toEqual([]);
    expect(team.sent).toEqual([]);
  });
});

describe('R22, R26, R27: the table of the ladder is what the ladder does', () => {
  const due = (team: Story) => nextDueAt(team.state) ?? day(400);
  const sees = (team: Story, invoice: Partial<Invoice>) =>
    team.sees(day(9), { invoices: [renewal(invoice)] });

  const facts: Record<Happening, (team: Story, stage: Stage) => void> = {
    failed(team, stage) {
      if (stage === 'none') sees(team, unpaid('in_1', day(9)));
      else if (stage === 'strike 1' || stage === 'strike 2') team.fails(due(team));
      else team.reaches(due(team));
    },
    refused(team) {
      sees(team, { failures: [{ id: 'ch_customers', at: day(9), paymentMethodId: null }] });
    },
    confirmation_needed(team, stage) {
      if (stage === 'none' || stage === 'confirming') {
        sees(team, { needsConfirmation: true });
      } else {
        if (stage === 'strike 3') team.sees(day(9), { defaultPaymentMethodIds: ['pm_2'] });
        else team.reaches(due(team));
        team.tried(due(team), { kind: 'confirm' });
      }
    },
    paid: (team) => sees(team, { status: 'paid' }),
    closed: (team) => sees(team, { status: 'void' }),
  };

  const rows = (Object.keys(ladderTable) as Stage[]).flatMap((stage) =>
    (Object.keys(ladderTable[stage]) as Happening[]).map((happening) => ({
      stage,
      happening,
      ...ladderTable[stage][happening],
    })),
  );

  test.each(rows)('$stage, $happening: $to', ({ stage, happening, to, mail }) => {
    const team = at(stage);
    const before = team.sent.length;
    facts[happening](team, stage);
    expect(team.stage()).toBe(to);
    expect(team.sent.slice(before)).toEqual(mail === undefined ? [] : [mail]);
  });
});

describe('R24: the timer', () => {
  test('is anchored to the failure, not to when we heard of it', () => {
    const team = onPro();
    team.sees(day(1), { invoices: [unpaid('in_1', day(0))] });
    expect(nextDueAt(team.state)).toBe(day(3));
  });

  test('has gone off already when we hear of the failure too late', () => {
    const team = onPro();
    team.sees(day(4), { invoices: [unpaid('in_1', day(0))] });
    team.reaches(day(4));
    expect(team.attempt()).toMatchObject({ by: 'timer', number: 1 });
  });

  test('waits to the millisecond, and longer after the second strike', () => {
    const team = at('strike 1');
    team.reaches(day(3, -1 / HOUR));
    expect(team.attempt()).toBeNull();
    team.fails(day(3));
    expect(nextDueAt(team.state)).toBe(day(8));
  });

  test('tries once: while the attempt is under way it is not due again', () => {
    const team = at('strike 1');
    team.reaches(day(3));
    const { attempt } = team.ladder() ?? {};
    team.reaches(day(30));
    expect(team.attempt()).toEqual(attempt);
    expect(nextDueAt(team.state)).toBeNull();
  });

  test('keeps the intervals with which the ladder began', () => {
    const team = at('strike 1');
    team.sees(day(1), { policy: { intervals: [1, 1], confirmationWindow: 1 } });
    team.fails(day(3));
    expect(nextDueAt(team.state)).toBe(day(8));
  });

  test('a successful attempt recovers', () => {
    const team = at('strike 2');
    team.reaches(day(8));
    team.tried(day(8), { kind: 'paid' });
    expect([team.strike, team.sent.at(-1)]).toEqual([0, 'payment-recovered']);
  });

  test("Stripe's own retries are taken away from the invoice", () => {
    const team = at('strike 1');
    expect(team.calls).toEqual(['hold']);
    team.take(day(0), { kind: 'held', invoiceId: 'in_1' });
    expect(team.calls).toEqual([]);
  });
});

describe('R23: what is a strike', () => {
  test("a customer's failed try is noted, once, and is none", () => {
    const team = at('strike 1');
    const invoices = [unpaid('in_1', day(0), day(1))];
    team.sees(day(1), { invoices });
    team.sees(day(1.5), { invoices });
    expect(team.strikes()).toEqual([1]);
    expect(team.failuresNoted('in_1_ch_2')).toHaveLength(1);
    expect(nextDueAt(team.state)).toBe(day(3));
  });

  test.each(['before', 'after'])(
    'a webhook of our own attempt counts once, read %s its outcome',
    (order) => {
      const team = at('strike 1');
      team.reaches(day(3));
      const { failures } = unpaid('in_1', day(0), day(3));
      const read = () => team.sees(day(3), { invoices: [renewal({ failures })] });
      if (order === 'before') read();
      team.tried(day(3), declined('in_1_ch_2'));
      if (order === 'after') read();
      expect(team.strikes()).toEqual([1, 2]);
      expect(team.failuresNoted('in_1_ch_2')).toHaveLength(1);
    },
  );

  test('several failures before we hear of any are one strike; those that are none are noted', () => {
    const team = onPro();
    team.sees(day(2), { invoices: [unpaid('in_1', day(0), day(1))] });
    expect(team.strikes()).toEqual([1]);
    expect(nextDueAt(team.state)).toBe(day(3));
    expect(team.failuresNoted('in_1_ch_2')).toHaveLength(1);
  });
});
