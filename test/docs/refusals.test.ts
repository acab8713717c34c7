import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type OperatorAction, operatorActions } from '../../src/domain/team.js';
import { at, day, onPro, type Story } from '../domain/given.js';

const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');

/** A team, and the time at which operators act on it. */
const states = {
  'nothing is open': [onPro, 1],
  'the customer is to confirm': [() => at('confirming'), 0.5],
  'strike 1': [() => at('strike 1'), 1],
  paused: [() => acted(at('strike 1'), 1, 'pauseDunning'), 1],
  'an attempt is under way': [() => reached(at('strike 1'), 3), 3],
  'strike 3': [() => at('strike 3'), 9],
} as const satisfies Record<string, readonly [() => Story, number]>;

function acted(team: Story, on: number, action: OperatorAction): Story {
  team.acts(day(on), action);
  return team;
}

function reached(team: Story, on: number): Story {
  team.reaches(day(on));
  return team;
}

/** Why an act is refused, in the order of `operatorActions`; null where it is not. A grace ends on day 20. */
const refusals: Record<keyof typeof states, (string | null)[]> = {
  'nothing is open': [...Array(5).fill('no_open_invoice'), null],
  'the customer is to confirm': [...Array(4).fill('no_open_invoice'), null, null],
  'strike 1': [null, null, null, 'not_paused', null, null],
  paused: [null, 'already_paused', 'already_paused', null, null, null],
  'an attempt is under way': [
    null,
    'attempt_under_way',
    'attempt_under_way',
    'not_paused',
    null,
    null,
  ],
  'strike 3': [null, ...Array(3).fill('no_attempt_ahead'), null, null],
};

describe('R31: each act is refused in each state by its rule', () => {
  test.each(Object.entries(states))('%s', (state, [team, on]) => {
    const found = operatorActions.map((action) => {
      const until = action === 'extendGrace' ? { until: day(20) } : {};
      return team().refuses(day(on), action, until) ?? null;
    });
    expect(found).toEqual(refusals[state as keyof typeof states]);
  });

  test.each(operatorActions)('%s under the key of another act', (action) => {
    const team = at('strike 1');
    const other = action === 'resync' ? 'retryPayment' : 'resync';
    team.acts(day(1), other, { id: 'ticket' });
    expect(team.refuses(day(1), action, { id: 'ticket', until: day(9) })).toBe(
      'idempotency_conflict',
    );
  });
});

test('docs/operations.md names the codes by which each act is refused', () => {
  const [, table = ''] =
    page.match(/\| act \| does \| refused .*\n\|---\|---\|---\|\n((?:\|.*\n)+)/) ?? [];
  const told = [...table.matchAll(/\|([^|]*)\|\n/g)].map(([, codes = '']) =>
    [...codes.matchAll(/`(\w+)`/g)].map(([, code]) => code).toSorted(),
  );
  const codes = operatorActions.map((action, index) => {
    const ofStates = Object.values(refusals).flatMap((row) => row[index] ?? []);
    const ofGrace = action === 'extendGrace' ? ['not_later', 'too_late'] : [];
    return [...new Set([...ofStates, ...ofGrace])].toSorted();
  });
  expect(told).toEqual(codes);
});
