import type Stripe from 'stripe';
import type { Store } from '../store.js';
import { idOf } from '../stripe/account.js';
import { periodOf } from '../stripe/billing/period.js';
import { scheduledPhase } from '../stripe/billing/scheduled.js';
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
        ['Subscription', 'Status', 'Until', 'Then', ''],
        store
          .page('subscription', {}, newest)
          .data.map((s) => [
            html`${planName(s.items.data)} <code>${s.id}</code><br><code>${idOf(s.customer)}</code>`,
            s.status,
            time(periodOf(s).end),
            future(store, s),
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
      )}
      <h2>Charges</h2>
      ${table(
        ['Charge', 'Status', 'Amount', 'Refunded', 'Dispute', ''],
        store.page('charge', {}, newest).data.map((charge) => {
          const dispute = store.newest('dispute', { charge: charge.id });
          return [
            html`<code>${charge.id}</code>`,
            charge.status,
            money(charge.amount, charge.currency),
            charge.amount_refunded === 0 ? '' : money(charge.amount_refunded, charge.currency),
            dispute?.status ?? '',
            chargeButtons(charge, dispute),
          ];
        }),
      )}`,
  );
}

/** What is to become of a subscription by itself. */
function future(store: Store, subscription: Stripe.Subscription): Html {
  const schedule = subscription.schedule
    ? store.find('subscription_schedule', idOf(subscription.schedule))
    : undefined;
  const phase = schedule && scheduledPhase(schedule);
  const { cancel_at: end, pending_update: update } = subscription;
  return html`${
    phase
      ? html`${phase.items.map(({ price }) => store.find('price', idOf(price))?.nickname ?? idOf(price)).join(', ')} ${time(phase.start_date)}<br>`
      : html``
  }${end === null ? html`` : html`ends ${time(end)}<br>`}${
    update
      ? html`${planName(update.subscription_items ?? [])} when its invoice is paid, until ${time(update.expires_at)}<br>`
      : html``
  }${
    schedule?.status === 'active'
      ? html`<code>${schedule.id}</code> ${button(`/sandbox/schedules/${schedule.id}/release`, 'Release')}`
      : html``
  }`;
}

function chargeButtons(charge: Stripe.Charge, dispute: Stripe.Dispute | undefined): Html {
  if (charge.status !== 'succeeded') return html``;
  if (dispute?.status === 'needs_response')
    return html`${(['won', 'lost'] as const).map((status) =>
      button(`/sandbox/disputes/${dispute.id}/close`, status, { status }),
    )}`;
  const refundable = !charge.refunded && dispute?.status !== 'lost';
  return html`${refundable ? button(`/sandbox/charges/${charge.id}/refund`, 'Refund') : html``}
    ${charge.disputed ? html`` : button(`/sandbox/charges/${charge.id}/dispute`, 'Dispute')}`;
}

function planName(items: Stripe.SubscriptionItem[]): string {
  return items.map(({ price }) => price.nickname ?? price.id).join(', ');
}

export function table(heads: string[], rows: (Html | string | number | null)[][]): Html {
  return html`<table><thead><tr>${heads.map((head) => html`<th>${head}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table>`;
}

function button(action: string, label: string, fields: Record<string, string> = {}): Html {
  const hidden = Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  return html`<form method="post" action="${action}">${hidden}<button>${label}</button></form>`;
}

function last4(store: Store, reference: string | { id: string } | null): string {
  const method = reference ? store.find('payment_method', idOf(reference)) : undefined;
  return method ? `•••• ${method.card?.last4 ?? ''}` : 'none';
}
