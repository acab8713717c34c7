import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { reduce } from '../../src/domain/reduce.js';
import type { TeamState } from '../../src/domain/team.js';
import { at, day, declined, hint, onPro, renewal, subscription, unpaid } from './given.js';

const lasting = ({ turn: _, ...state }: TeamState) => state;

describe('R16: an event is a hint', () => {
  test('a burst is one reading of all that it names', () => {
    const team = onPro();
    team.take(
      day(0),
      hint({ id: 'evt_a', object: 'sub_1' }),
      hint({ id: 'evt_b', object: 'in_1' }),
      hint({ id: 'evt_c', object: 'sub_1' }),
    );
    expect(team.state.reading).toMatchObject({ subscriptionIds: ['sub_1'], invoiceIds: ['in_1'] });
    team.reads(day(0));
    expect(team.calls).toEqual([]);
  });

  test('what comes during a reading is read after it, once', () => {
    const team = onPro();
    team.take(day(0), hint({ id: 'evt_a', object: 'in_1' }));
    team.take(day(0), hint({ id: 'evt_b', object: 'in_1' }));
    team.take(day(0), hint({ id: 'evt_c', object: 'in_1' }));
    team.take(day(0), hint({ id: 'evt_d', object: 'pm_2' }));
    expect(team.calls).toEqual(['read']);
    team.reads(day(0));
    expect(team.state.reading).toMatchObject({
      invoiceIds: ['in_1'],
      cards: [{ id: 'pm_2', at: day(0) }],
    });
    team.reads(day(0));
    expect(team.calls).toEqual([]);
  });

  test('what a hint says is not believed: only what is read changes anything', () => {
    const team = onPro();
    const effects = team.take(day(0), hint({ type: 'customer.subscription.deleted' }));
    expect(effects).toEqual([]);
    expect([team.state.tier, team.state.subscription?.status]).toEqual(['pro', 'active']);
  });

  test('the order of events does not matter', () => {
    const events = [
      'customer.subscription.created',
      'invoice.paid',
      'customer.subscription.updated',
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(events, { minLength: 1 }), (arrived) => {
        const team = onPro();
        for (const type of arrived) {
          team.sees(
            day(0),
            {
              subscriptions: [subscription({ plan: 'enterprise', priceId: 'price_enterprise' })],
              invoices: [renewal({ status: 'paid' })],
            },
            { id: type, type },
          );
        }
        expect(team.state).toMatchObject({ tier: 'enterprise', ladders: [], reading: null });
      }),
    );
  });

  test('a second answer to the same reading changes nothing', () => {
    const team = onPro();
    team.take(day(0), hint());
    const number = team.state.reading?.number ?? 0;
    team.reads(day(0));
    const before = lasting(team.state);
    const truth = { ...team.truth, subscriptions: [], invoices: [unpaid('in_1', day(0))] };
    expect(team.take(day(0), { kind: 'read', number, truth })).toEqual([]);
    expect(lasting(team.state)).toEqual(before);
  });

  test('a second outcome of the same attempt changes nothing', () => {
    const team = at('strike 2');
    const before = lasting(team.state);
    const outcome = declined('ch_again');
    expect(team.take(day(4), { kind: 'attempted', invoiceId: 'in_1', number: 1, outcome })).toEqual(
      [],
    );
    expect(lasting(team.state)).toEqual(before);
  });

  test('reading the same truth again changes nothing', () => {
    const team = onPro();
    const invoices = [unpaid('in_1', day(0)), unpaid('in_2', day(1)), unpaid('in_3', day(2))];
    team.sees(day(2), { invoices });
    const { ladders } = team.state;
    expect(team.sees(day(2), {})).toEqual([]);
    expect(team.state.ladders).toEqual(ladders);
  });
});

describe('R17: duplicates are harmless', () => {
  test('a repeated hint reads nothing', () => {
    const team = onPro();
    team.sees(day(0), {}, { id: 'evt_twice' });
    const before = lasting(team.state);
    expect(team.take(day(1), hint({ id: 'evt_twice' }))).toEqual([]);
    expect(lasting(team.state)).toEqual(before);
  });

  test('a repeated act is one act', () => {
    const team = at('strike 1');
    const act = {
      kind: 'act' as const,
      id: 'act_twice',
      action: 'retryPayment' as const,
      actor: 'budi',
      reason: 'asked for',
      invoiceId: null,
    };
    team.take(day(1), act);
    team.tried(day(1), declined('ch_2'));
    team.take(day(2), act);
    expect(team.attempt()).toBeNull();
  });

  test('the memory is bounded, and holds the latest', () => {
    const team = onPro();
    const ids = Array.from({ length: 1_000 }, (_, i) => `evt_${i}`);
    for (const id of ids) team.take(day(0), hint({ id }));
    expect(team.state.seen.length).toBeLessThanOrEqual(200);
    expect(team.state.seen.at(-1)).toBe(ids.at(-1));
  });
});

test('R21: the state is plain JSON', () => {
  const { state } = at('strike 2');
  expect(JSON.parse(JSON.stringify(state))).toEqual(state);
});

test('R8: the same facts at the same instant give the same state, and change nothing given', () => {
  const { state } = at('strike 1');
  const copy = structuredClone(state);
  const facts = [hint(), { kind: 'due' as const }];
  expect(reduce(state, facts, day(4))).toEqual(reduce(state, facts, day(4)));
  expect(state).toEqual(copy);
});
