import type { Cause, Draft } from './draft.js';
import type { Ladder } from './dunning.js';
import { after, type Instant } from './instant.js';
import type { Invoice } from './team.js';

/** Invoices that are remembered as asked about. */
const ASKED_INVOICES = 50;

/** Until when a payment waits for its customer, from the bank's question on, whenever we hear of it; null: it does not (R27). */
export function confirmBy(
  { confirmBy: known, policy }: Ladder,
  { needsConfirmation, question }: Invoice,
  now: Instant,
): Instant | null {
  if (!needsConfirmation) return null;
  if (question) return after(question.at, policy.confirmationWindow);
  return known ?? after(now, policy.confirmationWindow);
}

/** A first payment, or that of an upgrade, has no ladder, but its customer is asked to confirm it, once (R22, R27). */
export function askToConfirm(draft: Draft, invoice: Invoice, because: Cause): void {
  const { subscription, askedToConfirm: asked = [] } = draft.state;
  const { id: invoiceId, status, amountDue } = invoice;
  if (asked.includes(invoiceId)) {
    if (status === 'open') return;
    draft.set({ askedToConfirm: asked.filter((id) => id !== invoiceId) });
    draft.effects.push({ kind: 'withdraw_mails', invoiceId });
    return;
  }
  if (status !== 'open' || !invoice.needsConfirmation) return;
  if (invoice.subscriptionId === null || invoice.subscriptionId !== subscription?.id) return;
  draft.set({ askedToConfirm: [...asked, invoiceId].slice(-ASKED_INVOICES) });
  draft.noteQuestion(invoiceId, because);
  draft.mail('payment-action-required', `${invoiceId}:0`, { invoiceId, amountDue });
}
