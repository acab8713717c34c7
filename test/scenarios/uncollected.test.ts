import { expect, test } from 'vitest';
import {
  advanceTo,
  close,
  dayOf,
  monthsAgo,
  recordOf,
  subscribedIn,
  track,
} from '../support/months.js';
import { sharedProduct } from '../support/product.js';
import { breakCard, patiently, renew, settled } from '../support/stories.js';

const product = sharedProduct();

test('an item that an upgrade took along, and that nobody paid for with it, is billed with the next invoice (R34)', async () => {
  const month = monthsAgo(1);
  const team = await subscribedIn(product, month, 'pro');
  await track(product, month, team.teamId, 2_050_000);
  await close(product, month);
  const before = await recordOf(product, month, team.teamId);
  await breakCard(product, team);
  const { items } = await product.stripe.subscriptions.retrieve(team.subscriptionId);
  const { latest_invoice } = await product.stripe.subscriptions.update(team.subscriptionId, {
    items: [{ id: items.data[0]?.id ?? '', price: 'price_sandbox_enterprise' }],
    payment_behavior: 'pending_if_incomplete',
    proration_behavior: 'always_invoice',
  });
  const item = await product.stripe.invoiceItems.retrieve(before.stripeInvoiceItemId);
  expect(item.invoice).toBe(latest_invoice);
  await settled(product, team.teamId);
  expect(await recordOf(product, month, team.teamId)).toEqual(before);

  await product.stripe.invoices.voidInvoice(String(latest_invoice));
  await expect
    .poll(() => recordOf(product, month, team.teamId), patiently)
    .not.toMatchObject({ stripeInvoiceItemId: before.stripeInvoiceItemId });
  await settled(product, team.teamId);
  const record = await recordOf(product, month, team.teamId);
  expect(record).toMatchObject({ status: 'pending', amountDue: { amount: 2_000_000 } });
  const { customerId: customer } = team;
  const pending = await product.stripe.invoiceItems.list({ customer, pending: true });
  expect(pending.data.filter(({ amount }) => amount === 2_000_000)).toMatchObject([
    { id: record.stripeInvoiceItemId },
  ]);
});

test("while a subscription's collection is paused, usage stays with the invoice that it is on (R34)", async () => {
  const month = monthsAgo(2);
  const { stripe } = product;
  const teams = {
    keep_as_draft: await subscribedIn(product, month, 'pro'),
    void: await subscribedIn(product, month, 'pro'),
  };
  for (const { teamId } of Object.values(teams)) await track(product, month, teamId, 50_020);
  await close(product, month);
  for (const behavior of ['keep_as_draft', 'void'] as const) {
    const { subscriptionId } = teams[behavior];
    await stripe.subscriptions.update(subscriptionId, { pause_collection: { behavior } });
    await renew(product, teams[behavior]);
  }
  // Whoever looks at it now finds the item on a draft.
  const keptId = teams.keep_as_draft.teamId;
  const resync = { actor: 'budi', reason: 'asked for' };
  await product.api('POST', `/api/v1/teams/${keptId}/actions/resync`, resync);
  await settled(product, keptId);
  const { teamId, customerId } = teams.void;
  await settled(product, teamId);
  const [latest] = (await stripe.invoices.list({ customer: customerId })).data;
  expect(latest).toMatchObject({ status: 'void', total: 29_900_020 });
  expect(await recordOf(product, month, teamId)).toMatchObject({
    status: 'billed',
    stripeInvoiceId: latest?.id,
  });
  const kept = await recordOf(product, month, keptId);
  expect(kept).toMatchObject({ status: 'pending', amountDue: { amount: 20 } });

  const [draft] = (await stripe.invoices.list({ customer: teams.keep_as_draft.customerId })).data;
  await stripe.invoices.finalizeInvoice(draft?.id ?? '');
  await expect
    .poll(() => recordOf(product, month, keptId))
    .toMatchObject({ status: 'billed', stripeInvoiceId: draft?.id });
});

test('a renewal that is made before the item, and finalised after it, leaves the record to wait for the next (R34)', async () => {
  const month = monthsAgo(13);
  const team = await subscribedIn(product, month, 'pro');
  const advance = (days: number) => advanceTo(product, team, dayOf(month, days));
  const invoices = async () => {
    const { data } = await product.stripe.invoices.list({ subscription: team.subscriptionId });
    return data.map(({ status, total }) => [status, total]).toReversed();
  };
  await track(product, month, team.teamId, 51_500);
  const daysOfMonth = (month.end.getTime() - month.start.getTime()) / 86_400_000;
  await advance(daysOfMonth + 5.01);
  expect(await invoices()).toEqual([
    ['paid', 29_900_000],
    ['draft', 29_900_000],
  ]);
  await close(product, month);
  await advance(daysOfMonth + 6);
  expect((await invoices()).at(-1)).toEqual(['paid', 29_900_000]);
  await settled(product, team.teamId, team.customerId);
  expect(await recordOf(product, month, team.teamId)).toMatchObject({
    status: 'pending',
    stripeInvoiceId: null,
  });

  await advance(daysOfMonth + 5 + 33);
  await expect
    .poll(async () => recordOf(product, month, team.teamId), { timeout: 10_000 })
    .toMatchObject({ status: 'billed' });
  const { stripeInvoiceId } = await recordOf(product, month, team.teamId);
  const invoice = await product.stripe.invoices.retrieve(stripeInvoiceId);
  expect(invoice).toMatchObject({ status: 'paid', total: 29_900_000 + 1_500 });
});
