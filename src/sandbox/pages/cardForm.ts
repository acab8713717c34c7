import { TEST_CARDS } from '../stripe/billing/cards.js';
import { type Html, html } from './html.js';

/** A choice of Stripe's test cards. */
export function cardChoice(): Html {
  return html`<label>Card <select name="card">${Object.entries(TEST_CARDS).map(
    ([name, { last4 }]) => html`<option value="${name}">•••• ${last4} ${name}</option>`,
  )}</select></label>`;
}

/** What the last press of a button came to. */
export function complaint(message: string | null): Html {
  return message === null ? html`` : html`<p class="error" role="alert">${message}</p>`;
}
