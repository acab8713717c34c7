import type Stripe from 'stripe';
import { expect, test } from 'vitest';
import { refusal, startWorld, subscribed } from './support/world.js';

test('a charge is disputed once, told of as Stripe does, and found by charge and payment intent', async () => {
  const { stripe, control } = await startWorld();
  const { customer } = await subscribed(stripe);
  const { data: charges } = await stripe.charges.list({ customer: customer.id });
  const charge = charges[0]?.id ?? '';
  const dispute = () => control<Stripe.Dispute>('POST', `/charges/${charge}/dispute`);
  const { id, payment_intent } = await dispute();

  const read = await stripe.disputes.retrieve(id, { expand: ['charge'] });
  expect(read).toMatchObject({
    amount: 29_900_000,
    charge: { id: charge, customer: customer.id, disputed: true },
    status: 'needs_response',
  });
  expect(read).not.toHaveProperty('customer');
  for (const filter of [{ charge }, { payment_intent: String(payment_intent) }]) {
    expect((await stripe.disputes.list(filter)).data).toMatchObject([{ id, charge }]);
  }
  expect((await stripe.disputes.list({ charge: 'ch_of_nobody' })).data).toEqual([]);

  const { data: events } = await stripe.events.list({ type: 'charge.dispute.created' });
  expect(events).toMatchObject([{ data: { object: { id, object: 'dispute', charge } } }]);

  await expect(dispute()).rejects.toThrow('already been disputed');
  expect(await refusal(stripe.disputes.retrieve('du_that_never_was'))).toMatchObject({
    statusCode: 404,
    code: 'resource_missing',
  });
});
