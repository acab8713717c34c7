import { expect, test } from 'vitest';
import { close, monthsAgo, recordOf, subscribedIn, track } from '../support/months.js';
import { sharedProduct } from '../support/product.js';
import { breakCard, patiently, settled } from '../support/stories.js';

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
