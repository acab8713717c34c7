import { describe, expect, test } from 'vitest';
import { type Product, sharedProduct, startProduct } from '../support/product.js';
import {
  attempts,
  breakCard,
  fixCard,
  freeTeam,
  patiently,
  renew,
  type Subscriber,
  sent,
  settled,
  subscriber,
  timeline,
  unpaid,
} from '../support/stories.js';

const DAY = 86_400;
const HOUR = 3_600;

/** A subscriber whose customer lives on a test clock of Stripe's, where days pass at a word. */
async function onClock(product: Product) {
  const { stripe } = product;
  const teamId = await freeTeam(product);
  const begins = Math.floor(Date.now() / 1_000);
  const { id: clock } = await stripe.testHelpers.testClocks.create({ frozen_time: begins });
  const { id: customer } = await stripe.customers.create({
    test_clock: clock,
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  const subscription = await stripe.subscriptions.create({
    customer,
    items: [{ price: 'price_sandbox_pro' }],
    metadata: { team_id: teamId },
    billing_mode: { type: 'flexible' },
  });
  await product.until(teamId, ({ tier }) => expect(tier).toBe('pro'));
  await settled(product, teamId);
  const team: Subscriber = { teamId, customerId: customer, subscriptionId: subscription.id };
  const renewsAt = subscription.items.data[0]?.current_period_end ?? 0;
  return {
    team,
    /** So many seconds after Stripe first tried to collect the renewal. */
    async passes(seconds: number): Promise<void> {
      const frozen_time = renewsAt + HOUR + seconds;
      await stripe.testHelpers.testClocks.advance(clock, { frozen_time });
      await settled(product, teamId);
    },
    at: (seconds: number) => new Date((renewsAt + HOUR + seconds) * 1_000).toISOString(),
  };
}

async function dunningOf({ api }: Product, teamId: string) {
  const { body } = await api('GET', `/api/v1/teams/${teamId}`);
  return body.dunning;
}

describe('R23, R24: Stripe retries', () => {
  const product = sharedProduct({ DUNNING_RETRIES: 'stripe', DUNNING_INTERVALS: undefined });

  test('until the team is locked: each of its attempts is a strike, and none is ours', async () => {
    const { team, passes, at } = await onClock(product);
    await breakCard(product, team);
    await passes(0);
    const dunning = await dunningOf(product, team.teamId);
    expect(dunning).toMatchObject({ strike: 1, since: at(0) });
    await passes(3 * DAY - 1);
    expect((await dunningOf(product, team.teamId)).strike).toBe(1);
    await passes(3 * DAY);
    expect((await dunningOf(product, team.teamId)).strike).toBe(2);
    await passes(8 * DAY);
    const { body } = await product.api('GET', `/api/v1/teams/${team.teamId}`);
    expect(body).toMatchObject({
      subscriptionStatus: 'unpaid',
      dunning: { strike: 3, nextAttemptAt: null },
      access: { dashboard: 'locked' },
    });
    expect(await attempts(product, dunning.invoiceId)).toEqual([]);
    expect(await sent(product, team.teamId)).toEqual([
      'payment-warning',
      'payment-critical',
      'account-locked',
    ]);
    const invoice = await product.stripe.invoices.retrieve(dunning.invoiceId);
    expect(invoice.auto_advance).toBe(true);

    await fixCard(product, team);
    await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
    await settled(product, team.teamId);
    expect((await sent(product, team.teamId)).at(-1)).toBe('payment-recovered');
  });

  test("a customer's try between two of them is no strike", async () => {
    const { team, passes } = await onClock(product);
    await breakCard(product, team);
    await passes(0);
    const { invoiceId } = await dunningOf(product, team.teamId);
    const { hosted_invoice_url: url } = await product.stripe.invoices.retrieve(invoiceId);
    const card = 'pm_card_chargeCustomerFail';
    await fetch(url ?? '', { method: 'POST', body: new URLSearchParams({ card }) });
    await settled(product, team.teamId);
    expect((await dunningOf(product, team.teamId)).strike).toBe(1);
    await passes(3 * DAY);
    expect((await dunningOf(product, team.teamId)).strike).toBe(2);
  });

  test('attempts that Stripe counts and does not make, after a hard decline, are none', async () => {
    const { team, passes, at } = await onClock(product);
    const card = 'pm_card_chargeDeclinedLostCard';
    await product.control('POST', `/customers/${team.customerId}/card`, { card });
    await passes(0);
    await passes(3 * DAY + HOUR);
    const { invoiceId, strike, nextAttemptAt } = await dunningOf(product, team.teamId);
    expect((await product.stripe.invoices.retrieve(invoiceId)).attempt_count).toBe(2);
    // Ours is due, by the clock of the workflow, when three days have passed there.
    expect([strike, nextAttemptAt]).toEqual([1, at(3 * DAY)]);
  });
});

describe('R24: the timer is the safety net', () => {
  test('where Stripe comes later, we try, and each failure is a strike', async () => {
    const brief = await startProduct({
      DUNNING_RETRIES: 'stripe',
      DUNNING_INTERVALS: '300ms,300ms',
    });
    try {
      const team = await unpaid(brief, 3);
      await settled(brief, team.teamId);
      expect(await attempts(brief, team.invoiceId)).toHaveLength(2);
    } finally {
      await brief.close();
    }
  });

  test('an attempt of Stripe that nobody told of is found, and not made again', async () => {
    const brief = await startProduct({ DUNNING_RETRIES: 'stripe', DUNNING_INTERVALS: '3s,1h' });
    try {
      const team = await subscriber(brief);
      await breakCard(brief, team);
      const invoiceId = await renew(brief, team);
      await brief.until(team.teamId, ({ dunning }) => expect(dunning?.strike).toBe(1));
      await settled(brief, team.teamId);
      await brief.control('POST', '/webhooks', { paused: true });
      await brief.control('POST', `/invoices/${invoiceId}/retry`);
      await brief.until(team.teamId, ({ dunning }) => expect(dunning?.strike).toBe(2));
      expect(await attempts(brief, invoiceId)).toEqual([]);
      const strikes = (await timeline(brief, team.teamId)).filter(({ kind }) => kind === 'strike');
      expect(strikes).toHaveLength(2);
      await expect.poll(() => sent(brief, team.teamId), patiently).toHaveLength(2);
    } finally {
      await brief.close();
    }
  });
});
