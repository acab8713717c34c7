import type { Store } from '../store.js';
import { idOf } from '../stripe/account.js';
import { periodOf } from '../stripe/billing/period.js';
import { cardChoice } from './cardForm.js';
import { type Html, html, money, page, time } from './html.js';

/** Everything at a glance, with buttons for what the control API does. */
export function overviewPage(store: Store): string {
  const newest = { limit: 50 };
  return page(
    'Sandbox',
    html`<p><a href="/mailbox">Mailbox</a> · stands in for Stripe and Postmark</p>
      <h2>Customers</h2>
      ${table(
        ['Customer', 'Card', ''],
        store
          .page('customer', {}, newest)
          .data.map((c) => [
            html`${c.name ?? c.email} <code>${c.id}</code>`,
            last4(store, c.invoice_settings.default_payment_method),
            html`<form method="post" action="/sandbox/customers/${c.id}/card">${cardChoice()} <button>Change card</button></form>`,
          ]),
      )}
      <h2>Subscriptions</h2>
      ${table(
        ['Subscription', 'Status', 'Until', ''],
        store
          .page('subscription', {}, newest)
          .data.map((s) => [
            html`${s.items.data[0]?.price.nickname} <code>${s.id}</code><br><code>${idOf(s.customer)}</code>`,
            s.status,
            time(periodOf(s).end),
            s.status === 'canceled' || s.status === 'incomplete_expired'
              ? ''
              : html`${button(`/sandbox/subscriptions/${s.id}/renew`, 'Renew now')} ${button(`/sandbox/subscriptions/${s.id}/cancel`, 'Cancel')}`,
          ]),
      )}
      <h2>Invoices</h2>
      ${table(
        ['Invoice', 'Status', 'Total', 'Attempts', ''],
        store
          .page('invoice', {}, newest)
          .data.map((i) => [
            html`<a href="${i.hosted_invoice_url}">${i.number ?? 'draft'}</a> <code>${i.id}</code>`,
            i.status,
            money(i.total, i.currency),
            i.attempt_count,
            i.status === 'open' ? button(`/sandbox/invoices/${i.id}/retry`, 'Try again') : '',
          ]),
      )}`,
  );
}

export function table(heads: string[], rows: (Html | string | number | null)[][]): Html {
  return html`<table><thead><tr>${heads.map((head) => html`<th>${head}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table>`;
}

function button(action: string, label: string): Html {
  return html`<form method="post" action="${action}"><button>${label}</button></form>`;
}

function last4(store: Store, reference: string | { id: string } | null): string {
  const method = reference ? store.find('payment_method', idOf(reference)) : undefined;
  return method ? `•••• ${method.card?.last4 ?? ''}` : 'none';
}
