import type Stripe from 'stripe';
import { cardChoice, complaint } from './cardForm.js';
import { type Html, html, money, page } from './html.js';

export function checkoutPage(session: Stripe.Checkout.Session, error: string | null): string {
  const email = session.customer
    ? html``
    : html`<p><label>E-mail <input name="email" type="email" required value="${session.customer_email}"></label></p>`;
  return page(
    'Checkout',
    html`${complaint(error)}
      <p>${money(session.amount_total, session.currency)} per month</p>
      <form method="post">${email}
        <p>${cardChoice()}</p>
        <p><button>Subscribe</button> ${session.cancel_url ? html`<a href="${session.cancel_url}">Back</a>` : html``}</p>
      </form>`,
  );
}

/** The bank's question (3-D Secure), asked before the card is charged. */
export function bankPage(fields: Record<string, string>): string {
  const hidden: Html[] = Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  return page(
    'Your bank asks',
    html`<p>Do you confirm this payment?</p>
      <form method="post">${hidden}
        <button name="confirmed" value="true">Confirm</button>
        <button name="confirmed" value="false">Refuse</button>
      </form>`,
  );
}
