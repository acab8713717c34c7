import type { Product } from '../support/product.js';
import { type Subscriber, sent, shown, timeline } from '../support/stories.js';

/** What there is of a team at Stripe, at Postmark and in the ledger, told as of any team that had the same story. */
export async function retold(product: Product, team: Subscriber): Promise<object> {
  const { stripe } = product;
  const { teamId, customerId: customer } = team;
  const charges = await stripe.charges.list({ customer, limit: 100 });
  const invoices = await stripe.invoices.list({ customer });
  const lines = await timeline(product, teamId);
  const story = {
    charges: charges.data.map(({ status }) => status).toReversed(),
    invoices: invoices.data.map(({ status }) => status),
    // Two that are of one moment may stand either way.
    timeline: lines.map(({ kind, summary, actor }) => [kind, summary, actor].join()).toSorted(),
    mails: (await sent(product, teamId)).toSorted(),
    shown: await shown(product, teamId),
  };
  const text = JSON.stringify(story)
    .replaceAll(/\b(team|cus|sub|in)_\w+/g, '$1')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'at');
  return JSON.parse(text);
}
