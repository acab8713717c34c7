import { describe, expect, test } from 'vitest';
import { at, day, renewal, unpaid } from './given.js';

describe('R20: paid never turns back to failed', () => {
  test.each(['strike 1', 'strike 2', 'strike 3'] as const)(
    'an invoice paid at %s starts no ladder again, whatever is read or told of it later',
    (stage) => {
      const team = at(stage);
      team.sees(day(9), { invoices: [renewal({ status: 'paid' })] }, { type: 'invoice.paid' });
      const sent = team.sent.length;
      const failed = { type: 'invoice.payment_failed', object: 'in_1' };
      team.sees(day(10), { invoices: [unpaid('in_1', day(0), day(9))] }, failed);
      expect(team.stage()).toBe('none');
      expect(team.strike).toBe(0);
      expect(team.sent).toHaveLength(sent);
    },
  );

  test('an invoice of zero, which is paid at once, is nothing', () => {
    const team = at('none');
    const zero = renewal({ status: 'paid', amountDue: 0 });
    team.sees(day(0), { invoices: [zero] }, { type: 'invoice.paid', object: 'in_1' });
    expect(team.state).toMatchObject({ ladders: [], tier: 'pro' });
    expect(team.sent).toEqual([]);
    expect(team.timeline.slice(2)).toEqual([]);
  });
});
