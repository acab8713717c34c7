import { expect, test } from 'vitest';
import { day, hint, onPro, renewal, type Story, subscription, unpaid } from './given.js';

/** A month of a team to which everything happens: a resubscription, a ladder, a question, a refund, a dispute, an act. */
function month(team: Story, number: number): void {
  const now = day(30 * number);
  const past = [1, 2, 3].map((back) =>
    subscription({ id: `sub_${number - back}`, status: 'canceled', endedAt: day(30 * number - 1) }),
  );
  const current = subscription({ id: `sub_${number}`, startedAt: now });
  const failed = { ...unpaid(`in_${number}`, now), subscriptionId: current.id };
  const asks = renewal({
    id: `in_first_${number}`,
    origin: 'first_payment',
    needsConfirmation: true,
    subscriptionId: current.id,
  });
  team.sees(now, {
    subscriptions: [current, ...past],
    invoices: [failed, asks],
    refunds: [{ id: `re_${number}`, chargeId: 'ch_1', customerId: 'cus_1', amount: 1 }],
    disputes: [
      { id: `du_${number}`, chargeId: 'ch_1', amount: 1, reason: 'fraudulent', closedAs: null },
    ],
  });
  for (let n = 0; n < 5; n += 1) team.take(now, hint({ id: `evt_${number}_${n}` }));
  team.acts(now, 'resync', { id: `ticket_${number}` });
  while (team.state.reading !== null) team.reads(now);
  team.sees(now, { invoices: [{ ...failed, status: 'paid' }] });
  while (team.state.reading !== null) team.reads(now);
}

test('R21: what is kept of a team has an end, however long it lives: ten years leave no more than fifteen', () => {
  const team = onPro();
  const sizeAfter = (from: number, to: number) => {
    for (let number = from; number < to; number += 1) month(team, number);
    return JSON.stringify(team.state).length;
  };
  // Numbers of one length, lest a digit more be taken for growth.
  const ten = sizeAfter(1_000, 1_120);
  const { seen, closed, acts, told, askedToConfirm } = team.state;
  expect([seen, closed, acts, told, askedToConfirm].map((list) => list?.length)).toEqual([
    200, 50, 50, 100, 50,
  ]);
  expect(sizeAfter(1_120, 1_180)).toBeLessThan(1.01 * ten);
});
