import type Stripe from 'stripe';
import { cardChoice, complaint } from './cardForm.js';
import { html, money, page } from './html.js';

export function portalPage(
  customer: Stripe.Customer,
  card: Stripe.PaymentMethod | undefined,
  subscriptions: Stripe.Subscription[],
  open: Stripe.Invoice[],
  session: Stripe.BillingPortal.Session,
  error: string | null,
): string {
  return page(
    'Billing',
    html`${complaint(error)}
      <p>${customer.name ?? customer.email ?? customer.id}</p>
      <h2>Card</h2>
      <p>${card ? `•••• ${card.card?.last4 ?? ''}` : 'none'}</p>
      <form method="post">${cardChoice()} <button name="action" value="card">Use this card</button></form>
      <h2>Subscriptions</h2>
      ${subscriptions.map(
        (s) => html`<p>${s.items.data[0]?.price.nickname ?? s.id}: ${s.status}
          <form method="post"><input type="hidden" name="subscription" value="${s.id}">
            ${
              s.cancel_at_period_end
                ? html`ends with its period <button name="action" value="resume">Keep it</button>`
                : html`<button name="action" value="cancel">Cancel at the period's end</button>`
            }</form></p>`,
      )}
      <h2>Open invoices</h2>
      ${open.map(
        (invoice) =>
          html`<p><a href="${invoice.hosted_invoice_url}">${invoice.number}</a>: ${money(invoice.amount_remaining, invoice.currency)}</p>`,
      )}
      ${session.return_url ? html`<p><a href="${session.return_url}">Back</a></p>` : html``}`,
  );
}
