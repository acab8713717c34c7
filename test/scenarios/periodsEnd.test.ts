import { expect, test } from 'vitest';
import {
  advanceTo,
  type ClockedSubscriber,
  close,
  dayOf,
  monthsAgo,
  recordOf,
  subscribedIn,
  track,
  trackAt,
} from '../support/months.js';
import { sharedProduct } from '../support/product.js';
import { changePlan, patiently, settled } from '../support/stories.js';

const product = sharedProduct();
const HOUR = 3_600_000;

/** What is on Stripe for the customer's usage: amounts, each with its invoice, if it is on one. */
async function put({ customerId: customer }: ClockedSubscriber) {
  const { data } = await product.stripe.invoiceItems.list({ customer, limit: 100 });
  return data.map(({ amount, invoice }) => ({ amount, invoice }));
}

test('usage that waits for a subscription that ends is billed with its last invoice, or without it, once (R34)', async () => {
  const month = monthsAgo(1);
  const { stripe } = product;
  const end = dayOf(month, (month.end.getTime() - month.start.getTime()) / (24 * HOUR) + 5);
  const after = (hours: number) => new Date(end.getTime() + hours * HOUR);
  const began = () => subscribedIn(product, month, 'pro');
  const teams = await Promise.all([began(), began(), began(), began()]);
  const [invoiced, left, leftSmall, drafted] = teams;
  for (const team of [invoiced, left, drafted]) await track(product, month, team.teamId, 2_050_000);
  await track(product, month, leftSmall.teamId, 50_020);
  for (const { subscriptionId } of [invoiced, left, leftSmall]) {
    await stripe.subscriptions.update(subscriptionId, { cancel_at_period_end: true });
  }
  await close(product, month);
  const record = ({ teamId }: ClockedSubscriber) => recordOf(product, month, teamId);
  const waiting = await record(invoiced);
  expect(waiting).toMatchObject({ status: 'pending', amountDue: { amount: 2_000_000 } });

  // With the period Stripe drafts a last invoice of what waits. Or it is left: the end came by hand, or the
  // renewal that had taken it is a draft still, and is advanced no more.
  for (const team of [invoiced, drafted]) await advanceTo(product, team, after(0.5));
  for (const { subscriptionId } of [left, leftSmall]) {
    await product.control('POST', `/subscriptions/${subscriptionId}/cancel`);
  }
  await stripe.subscriptions.cancel(drafted.subscriptionId);
  for (const { teamId } of teams) await settled(product, teamId);
  expect(await record(invoiced)).toEqual(waiting);
  await advanceTo(product, invoiced, after(3));
  await expect.poll(() => record(invoiced), patiently).toMatchObject({ status: 'billed' });
  await close(product, month);

  for (const team of [invoiced, left, drafted]) {
    const { status, stripeInvoiceId: invoice } = await record(team);
    expect({ status, put: await put(team) }).toEqual({
      status: 'billed',
      put: [{ amount: 2_000_000, invoice }],
    });
    const { parent, total } = await stripe.invoices.retrieve(invoice);
    expect(total).toBe(2_000_000);
    expect(parent !== null).toBe(team === invoiced);
  }
  expect(await record(leftSmall)).toMatchObject({ status: 'carried_forward' });
  expect(await put(leftSmall)).toEqual([]);
});

test("usage and plans count by the zone's month, whenever Stripe renews; the record follows the invoice that takes its item (R4, R6, R34)", async () => {
  const month = monthsAgo(4);
  // In Jakarta the month ends seven hours before its last day does by UTC.
  const after = (hours: number) => new Date(month.end.getTime() + hours * HOUR);
  const renewing = (hours: number) => subscribedIn(product, month, 'pro', after(hours));
  const teams = await Promise.all([renewing(0.5), renewing(6.5), renewing(7.5), renewing(100)]);
  const [beforeClose, lastDay, firstDay, upgraded] = teams;
  for (const { teamId } of teams) {
    const inTime = await trackAt(product, new Date(month.end.getTime() - 1), teamId, 60_000);
    expect(inTime).toMatchObject({ period: month.id });
    const { period } = await trackAt(product, month.end, teamId, 900_000);
    expect(period > month.id).toBe(true);
  }
  await advanceTo(product, upgraded, after(0.5));
  expect(await changePlan(product, upgraded.teamId, 'enterprise')).toMatchObject({ status: 200 });
  await Promise.all(
    [beforeClose, lastDay, firstDay].map((team) => advanceTo(product, team, after(6))),
  );
  await close(product, month);
  for (const { teamId } of teams) {
    expect(await recordOf(product, month, teamId)).toMatchObject({
      plan: 'pro',
      usedTokens: 60_000,
      amountDue: { amount: 10_000 },
      status: 'pending',
    });
  }

  const billed = async (team: ClockedSubscriber) => {
    const record = () => recordOf(product, month, team.teamId);
    await expect.poll(record, patiently).toMatchObject({ status: 'billed' });
    const { billedAt, stripeInvoiceId } = await record();
    const { total } = await product.stripe.invoices.retrieve(stripeInvoiceId);
    expect(total).toBe(29_900_000 + 10_000);
    return new Date(billedAt);
  };
  for (const team of [beforeClose, lastDay, firstDay]) await advanceTo(product, team, after(9));
  expect(await billed(lastDay)).toEqual(after(7.5));
  expect(await billed(firstDay)).toEqual(after(8.5));
  await settled(product, beforeClose.teamId);
  expect(await recordOf(product, month, beforeClose.teamId)).toMatchObject({ status: 'pending' });
  await advanceTo(product, beforeClose, after(33 * 24));
  const nextRenewal = await billed(beforeClose);
  expect(nextRenewal > after(27 * 24)).toBe(true);
});
