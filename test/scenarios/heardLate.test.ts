import { expect, test } from 'vitest';
import { postEvent } from '../support/events.js';
import {
  advanceTo,
  type ClockedSubscriber,
  close,
  monthsAgo,
  recordOf,
  subscribedIn,
  track,
} from '../support/months.js';
import { sharedProduct } from '../support/product.js';
import { eventsOf, renew, settled } from '../support/stories.js';

const product = sharedProduct();
const HOUR = 3_600_000;

/** A larger plan, charged for at once, as from Stripe's portal. */
async function upgrade({ subscriptionId }: ClockedSubscriber): Promise<void> {
  const { items } = await product.stripe.subscriptions.retrieve(subscriptionId);
  await product.stripe.subscriptions.update(subscriptionId, {
    items: [{ id: items.data[0]?.id ?? '', price: 'price_sandbox_enterprise' }],
    proration_behavior: 'always_invoice',
  });
}

/** Of all that Stripe has to tell of the upgrade, its payment comes first. */
async function hearOfPayment(team: ClockedSubscriber): Promise<void> {
  const event = (await eventsOf(product, team)).findLast(({ type }) => type === 'invoice.paid');
  expect((await postEvent(product, JSON.stringify(event))).status).toBe(200);
  await product.until(team.teamId, ({ tier }) => expect(tier).toBe('enterprise'));
}

test('an upgrade on the last day of a month, heard of when that is closed, gives back its overage, whatever is heard first (R4, R12, R18)', async () => {
  const [month, next] = [monthsAgo(2), monthsAgo(1)];
  const inOrder = await subscribedIn(product, month, 'pro');
  const paymentFirst = await subscribedIn(product, month, 'pro');
  const teams = [inOrder, paymentFirst];
  for (const { teamId } of teams) await track(product, month, teamId, 80_000);
  await product.control('POST', '/webhooks', { paused: true });
  for (const team of teams) {
    await advanceTo(product, team, new Date(month.end.getTime() - HOUR));
    await upgrade(team);
  }
  await close(product, month);
  const records = () => Promise.all(teams.map(({ teamId }) => recordOf(product, month, teamId)));
  const written = await records();
  expect(written).toMatchObject(Array(2).fill({ plan: 'pro', amountDue: { amount: 30_000 } }));

  await hearOfPayment(paymentFirst);
  await product.control('POST', '/webhooks', { paused: false });
  for (const { teamId } of teams) await settled(product, teamId);
  await close(product, next);
  expect(await records()).toEqual(written);
  for (const team of teams) {
    expect(await recordOf(product, next, team.teamId)).toMatchObject({
      plan: 'enterprise',
      lines: [{ kind: 'late', period: month.id, tokens: -30_000, amount: { amount: -30_000 } }],
      amountDue: { amount: -30_000 },
      status: 'pending',
    });
    const { total } = await product.stripe.invoices.retrieve(await renew(product, team));
    expect(total).toBe(99_900_000 + 30_000 - 30_000);
  }
});
