import type Stripe from 'stripe';
import { vi } from 'vitest';
import type { ClockedTeam } from '../test/support/months.js';
import type { Product } from '../test/support/product.js';
import { changePlan, lastCharge, putCard } from '../test/support/stories.js';
import type { Card, Deed } from './model/fate.js';

const cards: Readonly<Record<Card, string>> = {
  good: 'pm_card_visa',
  declined: 'pm_card_chargeCustomerFail',
  asking: 'pm_card_authenticationRequired',
};

/** Does it to a team, now, through the product's own API, Stripe's, and Stripe's pages. */
export async function doTo(
  product: Product,
  customer: ClockedTeam,
  deed: Deed,
  trialDays?: number,
): Promise<unknown> {
  const { stripe, api, control } = product;
  const { teamId, customerId } = customer;
  switch (deed.does) {
    case 'puts card':
      return putCard(product, customer, cards[deed.card]);
    case 'pays on the page': {
      const { hosted_invoice_url: url } = await newestOpen();
      const body = new URLSearchParams({ card: cards.good });
      return fetch(url ?? '', { method: 'POST', body });
    }
    case 'pays out of band':
      for (const { id } of await open()) await stripe.invoices.pay(id, { paid_out_of_band: true });
      return;
    case 'answers the bank':
      return control('POST', `/invoices/${(await newestOpen()).id}/confirm`, {
        succeed: deed.agrees,
      });
    case 'makes void':
      return stripe.invoices.voidInvoice((await newestOpen()).id);
    case 'asks for':
      return changePlan(product, teamId, deed.plan);
    case 'subscribes':
      return stripe.subscriptions.create({
        customer: customerId,
        items: [{ price: `price_sandbox_${deed.plan}` }],
        metadata: { team_id: teamId },
        billing_mode: { type: 'flexible' },
        ...(trialDays !== undefined && { trial_period_days: trialDays }),
      });
    case 'cancels at once': {
      const [subscription] = (await stripe.subscriptions.list({ customer: customerId })).data;
      return stripe.subscriptions.cancel(subscription?.id ?? '');
    }
    case 'disputes': {
      const { id } = await lastCharge(product, customer);
      await control('POST', `/charges/${id}/dispute`);
      return told('dispute_opened');
    }
    case 'ends dispute': {
      const { data } = await stripe.disputes.list({ charge: (await lastDisputed()).id });
      await control('POST', `/disputes/${data[0]?.id}/close`, { status: deed.as });
      return told('dispute_closed');
    }
    case 'refunds': {
      const { id } = await lastCharge(product, customer);
      return stripe.refunds.create({ charge: id, amount: deed.amount });
    }
    case 'acts': {
      const until = deed.graceDays === undefined ? {} : { until: await after(deed.graceDays) };
      const who = { actor: 'op@tagih.example', reason: 'the customer called' };
      return api('POST', `/api/v1/teams/${teamId}/actions/${deed.act}`, { ...who, ...until });
    }
  }

  /** The newest first. */
  async function open(): Promise<Stripe.Invoice[]> {
    return (await stripe.invoices.list({ customer: customerId, status: 'open' })).data;
  }

  async function newestOpen(): Promise<Stripe.Invoice> {
    const [invoice] = await open();
    if (invoice === undefined) throw new Error('no invoice is open');
    return invoice;
  }

  async function lastDisputed(): Promise<Stripe.Charge> {
    const { data } = await stripe.charges.list({ customer: customerId, limit: 100 });
    const charge = data.find(({ disputed }) => disputed);
    if (charge === undefined) throw new Error('no charge is disputed');
    return charge;
  }

  /** An event of a dispute names no customer: whose it is, is found out beside the team's workflow. */
  async function told(kind: string): Promise<void> {
    const query = 'select from tagih.timeline where team_id = $1 and kind = $2';
    await vi.waitFor(
      async () => {
        const { rows } = await product.pool.query(query, [teamId, kind]);
        if (rows.length === 0) throw new Error(`${kind} is not told of`);
      },
      { timeout: 60_000 },
    );
  }

  async function after(days: number): Promise<string> {
    const clock = await stripe.testHelpers.testClocks.retrieve(customer.clockId);
    return new Date((clock.frozen_time + days * 86_400) * 1_000).toISOString();
  }
}
