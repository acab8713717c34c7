import type Stripe from 'stripe';
import { expect } from 'vitest';
import { startWorld, subscribed } from './world.js';

/** Noon on a day that not every month has. */
export const START = Date.UTC(2027, 0, 31, 12) / 1000;
export const HOUR = 3600;
export const DAY = 24 * HOUR;

/** A subscribed customer whose time passes when the test says so. */
export async function onClock(card = 'pm_card_visa') {
  const world = await startWorld();
  const { stripe } = world;
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: START });
  const { customer, subscription } = await subscribed(stripe, { test_clock: clock.id });
  if (card !== 'pm_card_visa')
    await world.control('POST', `/customers/${customer.id}/card`, { card });
  const advance = async (to: number) => {
    const answer = await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: to });
    expect(answer.status).toBe('advancing');
    expect(await stripe.testHelpers.testClocks.retrieve(clock.id)).toMatchObject({
      status: 'ready',
      frozen_time: to,
    });
  };
  const newest = async (): Promise<Stripe.Invoice> => {
    const [invoice] = (await stripe.invoices.list({ subscription: subscription.id, limit: 1 }))
      .data;
    if (!invoice) throw new Error('no invoice');
    return invoice;
  };
  return { ...world, clock, customer, subscription, advance, newest };
}
