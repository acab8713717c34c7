import type Stripe from 'stripe';
import { expect, test } from 'vitest';
import { customerWith, refusal, startWorld, subscribed } from './support/world.js';

const PAID = 29_900_000;

async function charged() {
  const world = await startWorld();
  const { customer, subscription } = await subscribed(world.stripe);
  const [charge] = (await world.stripe.charges.list({ customer: customer.id })).data;
  if (!charge) throw new Error('no charge');
  const told = async (type: string) => (await world.stripe.events.list({ type })).data;
  return { ...world, customer, subscription, charge, told };
}

test('a charge is refunded in parts until nothing is left, and its invoice stays paid', async () => {
  const { stripe, subscription, charge, told } = await charged();
  const part = await stripe.refunds.create({
    charge: charge.id,
    amount: 10_000_000,
    reason: 'requested_by_customer',
    metadata: { ticket: '7' },
  });
  expect(part).toMatchObject({
    amount: 10_000_000,
    charge: charge.id,
    payment_intent: charge.payment_intent,
    status: 'succeeded',
  });
  expect(await stripe.charges.retrieve(charge.id)).toMatchObject({
    amount_refunded: 10_000_000,
    refunded: false,
  });
  const tooMuch = { charge: charge.id, amount: PAID };
  expect(await refusal(stripe.refunds.create(tooMuch))).toMatchObject({
    statusCode: 400,
    param: 'amount',
    message: expect.stringContaining('greater than unrefunded amount'),
  });

  const rest = await stripe.refunds.create({ payment_intent: String(charge.payment_intent) });
  expect(rest.amount).toBe(PAID - 10_000_000);
  const read = await stripe.charges.retrieve(charge.id, { expand: ['refunds'] });
  expect(read).toMatchObject({ amount_refunded: PAID, refunded: true, status: 'succeeded' });
  expect(read.refunds?.data.map(({ id }) => id)).toEqual([rest.id, part.id]);
  expect(await refusal(stripe.refunds.create({ charge: charge.id }))).toMatchObject({
    code: 'charge_already_refunded',
  });

  expect((await stripe.invoices.list({ subscription: subscription.id })).data).toMatchObject([
    { status: 'paid' },
  ]);
  expect((await stripe.refunds.list({ charge: charge.id, limit: 1 })).has_more).toBe(true);
  expect(await stripe.refunds.retrieve(part.id)).toMatchObject({ metadata: { ticket: '7' } });
  expect(await told('refund.created')).toHaveLength(2);
  expect(await told('charge.refunded')).toMatchObject([
    { data: { object: { id: charge.id, refunded: true } } },
    { data: { object: { id: charge.id, refunded: false } } },
  ]);
});

test('what failed or is disputed is not refunded, until the dispute is won', async () => {
  const { stripe, control, charge, told } = await charged();
  const dispute = await control<Stripe.Dispute>('POST', `/charges/${charge.id}/dispute`);
  expect(await refusal(stripe.refunds.create({ charge: charge.id }))).toMatchObject({
    statusCode: 400,
    code: 'charge_disputed',
  });
  await control('POST', `/disputes/${dispute.id}/close`, { status: 'won' });
  expect((await stripe.disputes.retrieve(dispute.id)).status).toBe('won');
  expect(await told('charge.dispute.closed')).toMatchObject([
    { data: { object: { id: dispute.id, status: 'won' } } },
  ]);
  expect(await told('charge.dispute.funds_reinstated')).toHaveLength(1);
  await control('POST', `/charges/${charge.id}/refund`, { amount: 5 });
  expect((await stripe.charges.retrieve(charge.id)).amount_refunded).toBe(5);

  const poor = await customerWith(stripe, 'pm_card_chargeCustomerFail');
  await stripe.subscriptions.create({
    customer: poor.id,
    items: [{ price: 'price_sandbox_pro' }],
  });
  const [failed] = (await stripe.charges.list({ customer: poor.id })).data;
  expect(await refusal(stripe.refunds.create({ charge: failed?.id ?? '' }))).toMatchObject({
    statusCode: 400,
  });
  const intent = { payment_intent: String(failed?.payment_intent) };
  expect((await refusal(stripe.refunds.create(intent))).message).toContain(
    'does not have a successful charge',
  );
  expect((await refusal(stripe.refunds.create({}))).message).toContain('payment_intent or charge');
});

test('a dispute that is given up is lost, and closed once', async () => {
  const { stripe, control, charge, told } = await charged();
  const { id } = await control<Stripe.Dispute>('POST', `/charges/${charge.id}/dispute`);
  expect(await stripe.disputes.close(id)).toMatchObject({ status: 'lost' });
  expect(await refusal(stripe.disputes.close(id))).toMatchObject({ statusCode: 400 });
  expect(await told('charge.dispute.closed')).toHaveLength(1);
  expect(await told('charge.dispute.funds_reinstated')).toEqual([]);
});
