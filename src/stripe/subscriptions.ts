import type Stripe from 'stripe';
import type { Listed } from '../domain/reconciliation.js';
import { type PlanPrices, subscriptionOf } from './truth.js';
import { idOf } from './values.js';

/** The most that Stripe lists at once. */
const PAGE = 100;

/** A page of all subscriptions of the account, ended ones too, the newest first; `next` is null on the last. */
export async function listSubscriptions(
  stripe: Stripe,
  after: string | null,
  prices: PlanPrices,
): Promise<{ listed: Listed[]; next: string | null }> {
  const { data, has_more } = await stripe.subscriptions.list({
    status: 'all',
    limit: PAGE,
    expand: ['data.latest_invoice', 'data.schedule'],
    ...(after !== null && { starting_after: after }),
  });
  const listed = data.map((subscription) => ({
    subscription: subscriptionOf(subscription, prices),
    teamHint: subscription.metadata['team_id'] ?? null,
    unpaidInvoiceId: unpaidInvoiceOf(subscription),
  }));
  return { listed, next: has_more ? (data.at(-1)?.id ?? null) : null };
}

/** Not a first payment or an upgrade that waits for its payment: they have no ladder (R22). */
function unpaidInvoiceOf({ latest_invoice, pending_update }: Stripe.Subscription): string | null {
  if (typeof latest_invoice === 'string' || pending_update !== null) return null;
  if (latest_invoice?.status !== 'open' || !latest_invoice.attempted) return null;
  return latest_invoice.billing_reason === 'subscription_create' ? null : idOf(latest_invoice);
}
