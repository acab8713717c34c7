import { describe, expect, test } from 'vitest';
import { callsOf } from '../../src/domain/calls.js';
import type { Hint, Truth } from '../../src/domain/team.js';
import { at, day, hint, onPro, renewal, subscription } from './given.js';

/** The third event that was received. */
const event = (of: Partial<Hint> = {}) => hint({ id: 'evt_b', object: 'in_1', n: 3, ...of });
const first = hint({ id: 'evt_a', object: 'in_1', n: 1 });

/** A team whose first event is being read; the reading went up to the `n`th, and found this. */
function reading(n: number, found: Partial<Truth> = {}) {
  const team = onPro();
  team.take(day(0), first);
  team.truth = { ...team.truth, ...found, upTo: { n, at: day(0) } };
  return team;
}

describe('R16: what was received before a reading began is in it', () => {
  test('and is not read again', () => {
    const team = reading(3);
    team.take(day(0), event());
    team.reads(day(0));
    expect(team.state.reading).toBeNull();
    expect(team.state.seen).toContain('evt_b');
  });

  test('nor when it comes after the reading', () => {
    const team = reading(3);
    team.reads(day(0));
    team.take(day(0), event());
    expect([team.state.reading, team.state.wanted]).toEqual([null, null]);
  });

  test.each([
    ['was received later', event({ n: 4 })],
    ['has no place in the order of receipt', hint({ id: 'evt_b', object: 'in_1' })],
    ['happened later, where the ledger counts anew', event({ at: day(1) })],
    ['is an order to read', hint({ id: 'evt_b', type: 'resync' })],
    ['names a subscription that was not found', event({ object: 'sub_2' })],
    ['names a refund', event({ type: 'charge.refunded', object: 'ch_1' })],
    ['names a dispute', event({ type: 'charge.dispute.created', object: 'du_1' })],
  ])('but what %s is read, during it or after it', (_, other) => {
    const during = reading(3);
    during.take(day(0), other);
    during.reads(day(0));
    expect(during.state.reading).not.toBeNull();
    const after = reading(3);
    after.reads(day(0));
    after.take(day(0), other);
    expect(after.state.reading).not.toBeNull();
  });

  test('one that went nowhere, as those of before, covers nothing', () => {
    const team = onPro();
    team.take(day(0), first);
    team.take(day(0), event());
    team.reads(day(0));
    expect(team.state.reading).not.toBeNull();
  });

  test('while a ladder runs all that comes is read: a card may be worth a try (R24)', () => {
    const team = at('strike 1');
    team.truth = { ...team.truth, upTo: { n: 2, at: day(9) } };
    team.sees(day(0), {}, { id: 'evt_x', n: 1 });
    team.take(day(0), event({ n: 2, type: 'payment_method.attached', object: 'pm_9' }));
    expect(team.state.reading).not.toBeNull();
  });

  test('a change of the plan is dated by the event that tells of it, though it came later (R37)', () => {
    const enterprise = subscription({ plan: 'enterprise', priceId: 'price_enterprise' });
    const team = reading(3, { subscriptions: [enterprise] });
    team.truth = { ...team.truth, upTo: { n: 3, at: day(3) } };
    const type = 'customer.subscription.updated';
    team.take(day(3), event({ type, object: enterprise.id, at: day(2) }));
    team.reads(day(3));
    expect(team.state).toMatchObject({ reading: null, held: { startsAt: day(2) } });
  });
});

test('R4: a larger plan is held since an event that is not read again, for it came late', () => {
  const enterprise = subscription({ plan: 'enterprise', priceId: 'price_enterprise' });
  const team = reading(3, { subscriptions: [enterprise] });
  team.truth = { ...team.truth, upTo: { n: 3, at: day(3) } };
  team.reads(day(3));
  const type = 'customer.subscription.updated';
  team.take(day(3), event({ type, object: enterprise.id, at: day(2) }));
  expect(team.state).toMatchObject({ reading: null, held: { startsAt: day(2) } });
});

describe('R34: what may have settled usage does so without another reading', () => {
  test.each([
    ['its end', event({ type: 'invoice.paid' })],
    ['its being final', event({ type: 'invoice.finalized' })],
  ])('of an invoice that is closed %s, during the reading or after it', (_, told) => {
    const during = reading(3, { invoices: [renewal({ status: 'paid' })] });
    during.take(day(0), told);
    during.reads(day(0));
    expect(during.calls).toEqual(['settle']);
    const after = reading(3);
    after.reads(day(0));
    after.take(day(0), told);
    expect(after.calls).toEqual(['settle']);
  });
});

test('R27: an invoice whose customer was asked to confirm it is read until it is closed', () => {
  const team = onPro();
  const upgrade = renewal({ id: 'in_up', origin: 'other', needsConfirmation: true });
  team.sees(day(0), { invoices: [upgrade] });
  team.take(day(0), hint({ id: 'evt_later' }));
  expect(callsOf(team.state)).toMatchObject([{ kind: 'read', askedToConfirm: ['in_up'] }]);
});
