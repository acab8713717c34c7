import type Stripe from 'stripe';
import { answerOf } from './errors.js';

export interface Purchase {
  teamId: string;
  priceId: string;
  /** The customer that the team has; without one Stripe makes one with this address. */
  buyer: { customer: string } | { customer_email: string };
  successUrl: string;
  cancelUrl: string;
}

/**
 * Opens Stripe's page on which a subscription is bought, and gives its URL. The team's id goes with
 * the session and the subscription, so that their events find the team (R18).
 * Throws `StripeUnavailable` and `StripeRefused`.
 */
export async function openCheckout(
  stripe: Stripe,
  { teamId, priceId, buyer, successUrl, cancelUrl }: Purchase,
): Promise<string> {
  const metadata = { team_id: teamId };
  const { url } = await answerOf(
    stripe.checkout.sessions.create({
      mode: 'subscription',
      line_items: [{ price: priceId, quantity: 1 }],
      ...buyer,
      client_reference_id: teamId,
      metadata,
      subscription_data: { metadata, billing_mode: { type: 'flexible' } },
      success_url: successUrl,
      cancel_url: cancelUrl,
    }),
  );
  // Only sessions that are embedded elsewhere, or over, have none.
  if (url === null) throw new Error('Stripe opened a checkout session without a page');
  return url;
}

/**
 * Opens Stripe's portal, on which a customer changes its card and sees its invoices, and gives its URL.
 * Throws `StripeUnavailable` and `StripeRefused`.
 */
export async function openPortal(
  stripe: Stripe,
  customer: string,
  returnUrl: string | undefined,
): Promise<string> {
  const back = returnUrl === undefined ? {} : { return_url: returnUrl };
  const { url } = await answerOf(stripe.billingPortal.sessions.create({ customer, ...back }));
  return url;
}

/** Statuses of a subscription that will never charge anybody again. */
const over: readonly Stripe.Subscription.Status[] = ['canceled', 'incomplete_expired'];

/**
 * Whether the customer has a subscription that lives, at Stripe now: what the ledger knows of may be some
 * events behind. Throws `StripeUnavailable` and `StripeRefused`.
 */
export async function isSubscribed(stripe: Stripe, customer: string): Promise<boolean> {
  const { data } = await answerOf(stripe.subscriptions.list({ customer, limit: 100 }));
  return data.some(({ status }) => !over.includes(status));
}
