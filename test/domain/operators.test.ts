import { describe, expect, test } from 'vitest';
import { nextDueAt } from '../../src/domain/calls.js';
import { reduce } from '../../src/domain/reduce.js';
import { refusal } from '../../src/domain/refusal.js';
import { operatorActions } from '../../src/domain/team.js';
import { at, day, declined, hint, onPro, operatorAct, renewal, unpaid } from './given.js';

describe('R31: what operators do', () => {
  test.each(['strike 1', 'strike 2', 'strike 3'] as const)(
    'a retry at %s that is declined is on the timeline, and changes nothing',
    (stage) => {
      const team = at(stage);
      const before = [team.strike, team.sent, nextDueAt(team.state)];
      team.acts(day(8.5), 'retryPayment');
      team.tried(day(8.5), declined('ch_operator'));
      expect([team.strike, team.sent, nextDueAt(team.state)]).toEqual(before);
      expect(team.failuresNoted('ch_operator')).toMatchObject([{ actor: 'budi' }]);
    },
  );

  test('a retry that succeeds recovers', () => {
    const team = at('strike 3');
    team.acts(day(9), 'retryPayment');
    team.tried(day(9), { kind: 'paid' });
    expect([team.strike, team.sent.at(-1)]).toEqual([0, 'payment-recovered']);
  });

  test('a retry joins the attempt that is under way', () => {
    const team = at('strike 1');
    team.reaches(day(3));
    team.acts(day(3), 'retryPayment');
    expect(team.attempt()).toMatchObject({ by: 'timer', number: 1 });
  });

  test('a waiver writes the invoice off at Stripe, also in the middle of an attempt', () => {
    const team = at('strike 2');
    team.reaches(day(8));
    team.acts(day(8), 'waive');
    expect(team.calls).toContain('write_off');
    expect(team.calls).not.toContain('attempt');
    team.take(day(8), { kind: 'written_off', invoiceId: 'in_1' });
    expect(team.calls).not.toContain('write_off');
  });

  test('an act names an invoice, or means all open ones', () => {
    const invoices = [unpaid('in_1', day(0)), unpaid('in_2', day(1))];
    const one = onPro();
    one.sees(day(1), { invoices });
    one.acts(day(2), 'waive', { invoiceId: 'in_2' });
    expect(one.state.ladders.map(({ invoiceId }) => invoiceId)).toEqual(['in_1']);
    expect(one.state.writeOffs).toEqual(['in_2']);

    const all = onPro();
    all.sees(day(1), { invoices });
    all.acts(day(2), 'waive');
    expect(all.state.ladders).toEqual([]);
    expect(all.state.writeOffs).toEqual(['in_1', 'in_2']);
  });

  test('resync reads Stripe, with or without a ladder', () => {
    const team = onPro();
    team.acts(day(0), 'resync');
    expect(team.calls).toEqual(['read']);
  });

  test('each act leaves a line: who and why', () => {
    const team = at('strike 1');
    team.acts(day(1), 'resync');
    team.acts(day(1), 'retryPayment');
    team.acts(day(1), 'waive');
    expect(team.timeline.filter(({ actor }) => actor === 'budi')).toEqual([
      expect.objectContaining({ kind: 'operator_resync', summary: 'budi: asked for' }),
      expect.objectContaining({ kind: 'operator_retry_payment' }),
      expect.objectContaining({ kind: 'operator_waive' }),
      expect.objectContaining({ kind: 'invoice_closed' }),
    ]);
  });

  test('with nothing to act on an act is refused by the rule', () => {
    const team = onPro();
    for (const action of operatorActions) {
      const code = action === 'resync' ? undefined : 'no_open_invoice';
      expect(team.refuses(day(0), action, { until: day(9) })).toBe(code);
    }
  });

  test('so is one that names another invoice', () => {
    const { state } = at('strike 1');
    const naming = (invoiceId: string) => operatorAct({ action: 'waive', invoiceId });
    expect(refusal(state, naming('in_1'), day(0))).toBeNull();
    expect(refusal(state, naming('in_2'), day(0))?.detail).toMatch(/^R31: in_2/);
  });

  test('so is the second of two acts that come at once and do the same', () => {
    const team = at('strike 1');
    const acts = ['a', 'b'].map((id) => operatorAct({ id, action: 'waive' }));
    const { state, effects, refused } = reduce(team.state, acts, day(1));
    expect(effects.filter((e) => e.kind === 'timeline' && e.entry.actor === 'budi')).toHaveLength(
      2,
    );
    expect([...refused].map(([id, { code }]) => [id, code])).toEqual([['b', 'no_open_invoice']]);
    expect(state.acts).toEqual([{ id: 'a', action: 'waive', invoiceId: null }]);
  });

  test('a key is of one act: repeated it does nothing, for another it is refused, whatever events are called', () => {
    const team = at('strike 1');
    team.acts(day(1), 'retryPayment', { id: 'evt_1' });
    team.tried(day(1), declined('ch_operator'));
    const before = team.state;
    expect(team.acts(day(1), 'retryPayment', { id: 'evt_1' })).toEqual([]);
    expect({ ...team.state, turn: before.turn }).toEqual(before);
    expect(team.refuses(day(1), 'waive', { id: 'evt_1' })).toBe('idempotency_conflict');
    expect(team.refuses(day(1), 'retryPayment', { id: 'evt_1', invoiceId: 'in_1' })).toBe(
      'idempotency_conflict',
    );
  });

  test('a key outlives any number of facts', () => {
    const team = at('strike 1');
    team.acts(day(1), 'resync', { id: 'ticket' });
    team.reads(day(1));
    for (let n = 0; n < 250; n += 1) team.take(day(1), hint({ id: `many_${n}` }));
    expect(team.acts(day(1), 'resync', { id: 'ticket' })).toEqual([]);
  });

  test('R27: so is a retry while the payment waits for the customer', () => {
    const team = at('confirming');
    expect(team.refuses(day(0), 'retryPayment')).toBe('no_open_invoice');
    expect(team.refuses(day(0), 'waive')).toBeUndefined();
  });

  test('R27: nor does a retry of all open invoices touch that one', () => {
    const team = onPro();
    const waits = renewal({ id: 'in_2', needsConfirmation: true });
    team.sees(day(0), { invoices: [unpaid('in_1', day(0)), waits] });
    team.acts(day(0), 'retryPayment');
    expect(team.attempt('in_1')).toMatchObject({ by: 'operator' });
    expect(team.attempt('in_2')).toBeNull();
  });
});
