import { describe, expect, test } from 'vitest';
import { sharedProduct } from '../support/product.js';
import {
  attempts,
  breakCard,
  fixCard,
  renew,
  type Subscriber,
  sent,
  settled,
  timeline,
  unpaid,
} from '../support/stories.js';

// The first retry comes at once and fails; the second is far away.
const product = sharedProduct({ DUNNING_INTERVALS: '1ms,1h' });

const open = {
  dunning: null,
  access: expect.objectContaining({ dashboard: 'open', ai: 'full', reason: 'ok' }),
};

async function expectEnd({ teamId, invoiceId }: Subscriber & { invoiceId: string }, team: object) {
  await product.until(teamId, (body) => expect(body).toMatchObject({ ...open, ...team }));
  const state = await settled(product, teamId);
  expect(state).toMatchObject({ ladders: [], reading: null });
  // The one of the timer that led to strike 2: none since.
  expect(await attempts(product, invoiceId)).toHaveLength(1);
}

describe('R26: payment between two strikes ends the ladder, with one mail', () => {
  const ways: [string, (invoiceId: string) => Promise<unknown>][] = [
    [
      'on the page of the invoice, with another card',
      async (invoiceId) => {
        const { hosted_invoice_url: url } = await product.stripe.invoices.retrieve(invoiceId);
        const form = new URLSearchParams({ card: 'pm_card_mastercard' });
        return fetch(url ?? '', { method: 'POST', body: form });
      },
    ],
    [
      'out of band',
      (invoiceId) => product.stripe.invoices.pay(invoiceId, { paid_out_of_band: true }),
    ],
  ];
  test.each(ways)('%s', async (_, pay) => {
    const team = await unpaid(product, 2);
    await pay(team.invoiceId);
    await expectEnd(team, { tier: 'pro', subscriptionStatus: 'active' });
    expect(await sent(product, team.teamId)).toEqual([
      'payment-warning',
      'payment-critical',
      'payment-recovered',
    ]);
  });
});

describe('R26: what else ends the ladder sends nothing', () => {
  test.each([
    ['void', (id: string) => product.stripe.invoices.voidInvoice(id)],
    ['write-off', (id: string) => product.stripe.invoices.markUncollectible(id)],
  ])('%s, from outside', async (_, end) => {
    const team = await unpaid(product, 2);
    await end(team.invoiceId);
    await expectEnd(team, { tier: 'pro', subscriptionStatus: 'active' });
    expect(await sent(product, team.teamId)).toEqual(['payment-warning', 'payment-critical']);
  });

  test.each([
    [
      'the subscription is cancelled',
      (t: Subscriber) => product.stripe.subscriptions.cancel(t.subscriptionId),
    ],
    ['the customer is deleted', (t: Subscriber) => product.stripe.customers.del(t.customerId)],
  ])('%s: the team is on Free', async (_, end) => {
    const team = await unpaid(product, 2);
    await end(team);
    await expectEnd(team, { tier: 'free', subscriptionStatus: 'canceled' });
    expect(await sent(product, team.teamId)).toEqual(['payment-warning', 'payment-critical']);
  });
});

describe('R25: several invoices are open', () => {
  test('the team stands where the worst one does, and recovers with the last', async () => {
    const team = await unpaid(product, 2);
    const second = await renew(product, team);
    await product.until(team.teamId, ({ dunning }) => {
      expect(dunning).toMatchObject({ strike: 2, invoices: [{ strike: 2 }, { strike: 2 }] });
    });
    const { body } = await product.api('GET', `/api/v1/teams/${team.teamId}`);
    const shown: string = body.dunning.invoiceId;
    const other = [team.invoiceId, second].find((id) => id !== shown);
    await product.stripe.invoices.pay(shown, { paid_out_of_band: true });
    await product.until(team.teamId, ({ dunning }) => {
      expect(dunning).toMatchObject({ strike: 2, invoiceId: other });
    });
    await settled(product, team.teamId);
    expect(await sent(product, team.teamId)).toEqual(['payment-warning', 'payment-critical']);

    await fixCard(product, team);
    await product.until(team.teamId, (body) => expect(body).toMatchObject(open));
    await settled(product, team.teamId);
    expect((await sent(product, team.teamId)).slice(2)).toEqual(['payment-recovered']);
    const strikes = (await timeline(product, team.teamId)).filter(({ kind }) => kind === 'strike');
    expect(strikes.map(({ details }) => [details['invoiceId'], details['strike']])).toEqual([
      [team.invoiceId, 1],
      [team.invoiceId, 2],
      [second, 1],
      [second, 2],
    ]);
  });

  test('a new card pays all of them', async () => {
    const team = await unpaid(product, 2);
    const second = await renew(product, team);
    await product.until(team.teamId, ({ dunning }) => expect(dunning.invoices).toHaveLength(2));
    await fixCard(product, team);
    await product.until(team.teamId, (body) => expect(body).toMatchObject(open));
    for (const id of [team.invoiceId, second]) {
      expect((await product.stripe.invoices.retrieve(id)).status).toBe('paid');
    }
  });
});

test('R20: a team that recovered climbs again with its next unpaid invoice', async () => {
  const team = await unpaid(product, 2);
  await fixCard(product, team);
  await product.until(team.teamId, (body) => expect(body).toMatchObject(open));
  await breakCard(product, team);
  const invoiceId = await renew(product, team);
  await product.until(team.teamId, ({ dunning }) => {
    expect(dunning).toMatchObject({ strike: 2, invoiceId });
  });
  await settled(product, team.teamId);
  expect(await sent(product, team.teamId)).toEqual([
    'payment-warning',
    'payment-critical',
    'payment-recovered',
    'payment-warning',
    'payment-critical',
  ]);
});
