import { expect, test } from 'vitest';
import { dunningBody } from '../../src/app/api/v1/teams/teamBody.js';
import { at, day, declined, renewal, type Story, unpaid } from '../domain/given.js';

const shown = (team: Story) => dunningBody(team.state.ladders, new Map());

test('R25: the invoice of the highest strike comes first, of equals the older', () => {
  const team = at('none');
  team.sees(day(0), { invoices: [unpaid('in_new', day(0)), unpaid('in_old', day(-2))] });
  expect(shown(team)).toMatchObject({
    invoiceId: 'in_old',
    invoices: [{ invoiceId: 'in_old' }, { invoiceId: 'in_new' }],
  });
  team.reaches(day(3));
  team.tried(day(3), { kind: 'stopped', code: 'odd' }, 'in_old');
  team.tried(day(3), declined('ch_new'), 'in_new');
  expect(shown(team)?.invoices.map(({ invoiceId }) => invoiceId)).toEqual(['in_new', 'in_old']);
});

test('R25: the next attempt is the earliest of those that will be made', () => {
  const team = at('strike 1');
  team.sees(day(1), { invoices: [unpaid('in_1', day(0)), unpaid('in_2', day(1))] });
  expect(shown(team)?.nextAttemptAt).toBe(day(3));
  team.reaches(day(3));
  expect(shown(team)?.nextAttemptAt).toBe(day(4));
  team.tried(day(3), { kind: 'stopped', code: 'odd' });
  expect(shown(team)?.nextAttemptAt).toBe(day(4));
});

test('R27: the end of a wait for the confirmation is no attempt', () => {
  const team = at('strike 1');
  team.reaches(day(3));
  team.tried(day(3), { kind: 'confirm' });
  expect(shown(team)).toMatchObject({ strike: 1, nextAttemptAt: null });
  team.sees(day(3), { invoices: [renewal({ id: 'in_2', needsConfirmation: true })] });
  expect(shown(team)?.invoices).toMatchObject([{ invoiceId: 'in_1' }]);
});

test('R22: at the last strike none is made', () => {
  expect(shown(at('strike 3'))).toMatchObject({ strike: 3, nextAttemptAt: null });
});
