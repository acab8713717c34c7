import type Stripe from 'stripe';
import { scheduledPhase } from '../stripe/billing/scheduled.js';
import { cardChoice, complaint } from './cardForm.js';
import { type Html, html, money, page, time } from './html.js';

export interface PortalView {
  customer: Stripe.Customer;
  card: Stripe.PaymentMethod | undefined;
  subscriptions: {
    subscription: Stripe.Subscription;
    schedule: Stripe.SubscriptionSchedule | undefined;
  }[];
  prices: Stripe.Price[];
  open: Stripe.Invoice[];
  session: Stripe.BillingPortal.Session;
}

export function portalPage(view: PortalView, error: string | null): string {
  const { customer, card, subscriptions, prices, open, session } = view;
  return page(
    'Billing',
    html`${complaint(error)}
      <p>${customer.name ?? customer.email ?? customer.id}</p>
      <h2>Card</h2>
      <p>${card ? `•••• ${card.card?.last4 ?? ''}` : 'none'}</p>
      <form method="post">${cardChoice()} <button name="action" value="card">Use this card</button></form>
      <h2>Subscriptions</h2>
      ${subscriptions.map(
        ({ subscription, schedule }) =>
          html`<p>${subscription.items.data[0]?.price.nickname ?? subscription.id}: ${subscription.status}</p>
            <form method="post"><input type="hidden" name="subscription" value="${subscription.id}">
            ${choices(subscription, schedule, prices)}</form>`,
      )}
      <h2>Open invoices</h2>
      ${open.map(
        (invoice) =>
          html`<p><a href="${invoice.hosted_invoice_url}">${invoice.number}</a>: ${money(invoice.amount_remaining, invoice.currency)}</p>`,
      )}
      ${session.return_url ? html`<p><a href="${session.return_url}">Back</a></p>` : html``}`,
  );
}

/** What is to come can be undone; what is not to come can be chosen. */
function choices(
  subscription: Stripe.Subscription,
  schedule: Stripe.SubscriptionSchedule | undefined,
  prices: Stripe.Price[],
): Html {
  if (subscription.cancel_at !== null)
    return html`<p>ends ${time(subscription.cancel_at)} <button name="action" value="resume">Keep it</button></p>`;
  const current = subscription.items.data[0]?.price.id;
  const next = schedule && scheduledPhase(schedule);
  const name = (id: string) => prices.find((price) => price.id === id)?.nickname ?? id;
  return html`${
    next
      ? html`<p>becomes ${next.items.map(({ price }) => name(String(price))).join(', ')} ${time(next.start_date)}
          <button name="action" value="keep-plan">Keep the plan</button></p>`
      : html``
  }
    <p><label>Plan <select name="price">${prices
      .filter(({ id }) => id !== current)
      .map(
        (price) =>
          html`<option value="${price.id}">${price.nickname ?? price.id} ${money(price.unit_amount, price.currency)}</option>`,
      )}</select></label>
      <button name="action" value="change-now">Change now</button>
      <button name="action" value="change-later">Change at the period's end</button></p>
    <p><button name="action" value="cancel">Cancel at the period's end</button></p>`;
}
