import { expect, test } from 'vitest';
import { postEvent } from '../support/events.js';
import { sharedProduct } from '../support/product.js';
import { eventsOf, lastCharge, settled, subscriber, timeline } from '../support/stories.js';

const product = sharedProduct();

const refunds = async (teamId: string) =>
  (await timeline(product, teamId)).filter(({ kind }) => kind === 'charge_refunded');

test('R16, R17: each refund of a charge is on the timeline once, a part of it and the rest', async () => {
  const team = await subscriber(product);
  const { teamId, customerId } = team;
  const { id: chargeId, amount } = await lastCharge(product, team);
  const part = await product.stripe.refunds.create({ charge: chargeId, amount: 100_00 });
  await settled(product, teamId);
  const rest = await product.stripe.refunds.create({ charge: chargeId });
  await settled(product, teamId);

  const of = { chargeId, customerId };
  const expected = [
    { actor: 'stripe', details: { ...of, refundId: part.id, amount: 100_00 } },
    { actor: 'stripe', details: { ...of, refundId: rest.id, amount: amount - 100_00 } },
  ];
  expect(await refunds(teamId)).toMatchObject(expected);
  for (const event of await eventsOf(product, team)) {
    if (event.type !== 'charge.refunded') continue;
    // As if Stripe told of it once more, under another id.
    await postEvent(product, JSON.stringify({ ...event, id: `${event.id}_again` }));
  }
  await settled(product, teamId);
  expect(await refunds(teamId)).toMatchObject(expected);
});

test('R20: an invoice whose charge was refunded stays paid: plan, access and mails are as before', async () => {
  const team = await subscriber(product);
  const before = (await product.api('GET', `/api/v1/teams/${team.teamId}`)).body;
  await product.stripe.refunds.create({ charge: (await lastCharge(product, team)).id });
  await settled(product, team.teamId);
  expect(await refunds(team.teamId)).toHaveLength(1);
  expect((await product.api('GET', `/api/v1/teams/${team.teamId}`)).body).toEqual(before);
  expect(await product.mails(team.teamId)).toEqual([]);
});
