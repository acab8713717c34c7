import { describe, expect, test } from 'vitest';
import { sharedProduct } from '../support/product.js';
import {
  attempts,
  fixCard,
  patiently,
  putCard,
  renew,
  sent,
  settled,
  subscriber,
  timeline,
  unpaid,
} from '../support/stories.js';

const product = sharedProduct({ DUNNING_INTERVALS: '1h,1h' });

async function strikeOf(teamId: string): Promise<number | null> {
  const { body } = await product.api('GET', `/api/v1/teams/${teamId}`);
  return body.dunning?.strike ?? null;
}

async function noted(teamId: string, kind: string): Promise<number> {
  return (await timeline(product, teamId)).filter((entry) => entry.kind === kind).length;
}

describe('R23: a customer who tries is not punished for trying', () => {
  test('on the page of the invoice, with a bad card: on the timeline, no strike, no mail', async () => {
    const team = await unpaid(product);
    const { hosted_invoice_url: url } = await product.stripe.invoices.retrieve(team.invoiceId);
    for (const card of ['pm_card_chargeCustomerFail', 'pm_card_chargeCustomerFail']) {
      await fetch(url ?? '', { method: 'POST', body: new URLSearchParams({ card }) });
    }
    const { ladders } = await settled(product, team.teamId);
    expect(ladders).toMatchObject([{ strike: 1, timer: { for: 'attempt' } }]);
    expect(await sent(product, team.teamId)).toEqual(['payment-warning']);
    // The renewal's and the customer's two; neither card is worth a try of ours.
    expect(await noted(team.teamId, 'payment_attempt_failed')).toBe(3);
    expect(await attempts(product, team.invoiceId)).toEqual([]);
  });

  test("R24: nor for an automatic attempt of Stripe's, seen all the same", async () => {
    const team = await unpaid(product);
    await product.control('POST', `/invoices/${team.invoiceId}/retry`);
    const { ladders } = await settled(product, team.teamId);
    expect(ladders).toMatchObject([{ strike: 1 }]);
    expect(await noted(team.teamId, 'payment_attempt_failed')).toBe(2);
    expect(await sent(product, team.teamId)).toEqual(['payment-warning']);
  });

  test("Stripe's own retries end with the first failure", async () => {
    const team = await unpaid(product);
    await settled(product, team.teamId);
    const invoice = await product.stripe.invoices.retrieve(team.invoiceId);
    expect(invoice).toMatchObject({ auto_advance: false, next_payment_attempt: null });
  });
});

describe('R24: a new card is tried at once, and once', () => {
  test('a bad one: no strike, and the timer goes on as it was', async () => {
    const team = await unpaid(product);
    const before = await settled(product, team.teamId);
    await putCard(product, team, 'pm_card_chargeCustomerFail');
    await expect.poll(() => attempts(product, team.invoiceId), patiently).toHaveLength(1);
    const after = await settled(product, team.teamId);
    expect(after.ladders[0]?.timer).toEqual(before.ladders[0]?.timer);
    expect(await strikeOf(team.teamId)).toBe(1);
    // Attached and made default are two events about one card.
    expect(await attempts(product, team.invoiceId)).toHaveLength(1);
    expect(await sent(product, team.teamId)).toEqual(['payment-warning']);
  });

  test('a bad one, then a good one', async () => {
    const team = await unpaid(product);
    await putCard(product, team, 'pm_card_chargeCustomerFail');
    await putCard(product, team, 'pm_card_visa');
    await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
    await settled(product, team.teamId);
    expect((await product.stripe.invoices.retrieve(team.invoiceId)).status).toBe('paid');
    expect(await sent(product, team.teamId)).toEqual(['payment-warning', 'payment-recovered']);
  });

  test('added without being made the default', async () => {
    const team = await unpaid(product);
    await product.stripe.paymentMethods.attach('pm_card_visa', { customer: team.customerId });
    await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
    expect(await attempts(product, team.invoiceId)).toHaveLength(1);
  });

  test("made the subscription's own", async () => {
    const team = await unpaid(product);
    const { id } = await product.stripe.paymentMethods.attach('pm_card_visa', {
      customer: team.customerId,
    });
    await product.stripe.subscriptions.update(team.subscriptionId, { default_payment_method: id });
    await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
    expect(await attempts(product, team.invoiceId)).toHaveLength(1);
  });

  test('renewed by its network, under the same id', async () => {
    const team = await subscriber(product);
    const { id } = await putCard(product, team, 'pm_card_chargeDeclinedInsufficientFunds');
    const invoiceId = await renew(product, team);
    await product.until(team.teamId, ({ dunning }) => expect(dunning?.strike).toBe(1));
    await settled(product, team.teamId);
    await product.control('POST', `/payment-methods/${id}/card`, { card: 'pm_card_visa' });
    await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
    expect(await attempts(product, invoiceId)).toHaveLength(1);
  });
});

describe('R22: no card at all', () => {
  test('is a failed attempt too, and the first card that comes is tried', async () => {
    const team = await subscriber(product);
    const { data } = await product.stripe.customers.listPaymentMethods(team.customerId);
    for (const { id } of data) await product.stripe.paymentMethods.detach(id);
    const invoiceId = await renew(product, team);
    await product.until(team.teamId, ({ dunning }) => {
      expect(dunning).toMatchObject({ strike: 1, invoiceId });
    });
    await fixCard(product, team);
    await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
    await settled(product, team.teamId);
    expect(await sent(product, team.teamId)).toEqual(['payment-warning', 'payment-recovered']);
  });
});
