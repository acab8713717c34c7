import { describe, expect, test } from 'vitest';
import type { Dispute, Refund } from '../../src/domain/team.js';
import { day, onPro } from './given.js';

const refund = (id: string, amount: number): Refund => ({
  id,
  chargeId: 'ch_1',
  customerId: 'cus_1',
  amount,
});

const dispute = (closedAs: string | null): Dispute => ({
  id: 'du_1',
  chargeId: 'ch_1',
  amount: 29_900_000,
  reason: 'fraudulent',
  closedAs,
});

const refunded = { type: 'charge.refunded', object: 'ch_1' };
const disputed = { type: 'charge.dispute.created', object: 'du_1' };
const closed = { type: 'charge.dispute.closed', object: 'du_1' };

describe('R16: refunds and disputes are read, and each is on the timeline once', () => {
  test('a refund in two parts is two lines, however often it is told (R17)', () => {
    const team = onPro();
    team.sees(day(0), { refunds: [refund('re_1', 10_000_000)] }, refunded);
    expect(team.state.reading).toBeNull();
    const both = [refund('re_1', 10_000_000), refund('re_2', 19_900_000)];
    team.sees(day(1), { refunds: both }, refunded);
    team.sees(day(2), {}, refunded);
    expect(team.noted('charge_refunded').map(({ details }) => details)).toEqual([
      { refundId: 're_1', chargeId: 'ch_1', customerId: 'cus_1', amount: 10_000_000 },
      { refundId: 're_2', chargeId: 'ch_1', customerId: 'cus_1', amount: 19_900_000 },
    ]);
  });

  test.each(['won', 'lost'])('a dispute is opened by the customer, and then %s', (status) => {
    const team = onPro();
    team.sees(day(0), { disputes: [dispute(null)] }, disputed);
    team.sees(day(9), { disputes: [dispute(status)] }, closed);
    team.sees(day(10), {}, closed);
    expect(team.timeline.slice(2)).toMatchObject([
      { kind: 'dispute_opened', actor: 'customer', details: { amount: 29_900_000 } },
      { kind: 'dispute_closed', actor: 'stripe', details: { disputeId: 'du_1', status } },
    ]);
  });

  test('one whose opening nobody told of has both lines, in their order (R18)', () => {
    const team = onPro();
    team.sees(day(9), { disputes: [dispute('lost')] }, closed);
    team.sees(day(9), {}, disputed);
    expect(team.timeline.slice(2).map(({ kind }) => kind)).toEqual([
      'dispute_opened',
      'dispute_closed',
    ]);
  });

  test('they change nothing else of the team', () => {
    const team = onPro();
    const { turn: _, told: __, seen: ___, ...before } = team.state;
    team.sees(day(0), { refunds: [refund('re_1', 29_900_000)] }, refunded);
    team.sees(day(1), { refunds: [], disputes: [dispute('lost')] }, closed);
    expect(team.state).toMatchObject(before);
    expect(team.sent).toEqual([]);
  });

  test('what one reading asks for are the objects that were named, no more', () => {
    const team = onPro();
    team.take(day(0), { kind: 'hint', id: 'a', at: day(0), ...refunded });
    team.take(day(0), { kind: 'hint', id: 'b', at: day(0), ...disputed });
    expect(team.state.reading).toMatchObject({ chargeIds: ['ch_1'], disputeIds: [] });
    expect(team.state.wanted).toMatchObject({ chargeIds: [], disputeIds: ['du_1'] });
  });
});

test('R34: the end of an invoice that may hold usage settles it; a reading of before says nothing of it', () => {
  const team = onPro();
  team.sees(day(0), {}, { type: 'invoice.paid', object: 'in_1' });
  expect(team.calls).toEqual([]);
  team.sees(day(1), { settles: true }, { type: 'invoice.voided', object: 'in_1' });
  expect(team.calls).toEqual(['settle']);
});
