import type Stripe from 'stripe';
import { cardChoice, complaint } from './cardForm.js';
import { html, money, page } from './html.js';

export function invoicePage(invoice: Stripe.Invoice, waits: boolean, error: string | null): string {
  const payable = invoice.status === 'open' || invoice.status === 'uncollectible';
  return page(
    `Invoice ${invoice.number ?? ''}`,
    html`${complaint(error)}
      <p>${money(invoice.amount_due, invoice.currency)}: ${invoice.status}</p>
      <table><tbody>${invoice.lines.data.map(
        (line) =>
          html`<tr><td>${line.description}</td><td>${money(line.amount, line.currency)}</td></tr>`,
      )}</tbody></table>
      ${
        waits
          ? html`<form method="post"><p>Your bank asks: do you confirm this payment?</p>
              <button name="confirmed" value="true">Confirm</button>
              <button name="confirmed" value="false">Refuse</button></form>`
          : html``
      }
      ${payable ? html`<form method="post">${cardChoice()} <button>Pay</button></form>` : html``}`,
  );
}
