import type Stripe from 'stripe';
import { invalid, type StripeFailure } from '../../http/error.js';
import { type Account, idOf } from '../account.js';
import { createDraft } from './draft.js';
import { INCOMPLETE_LIFE } from './due.js';
import { finalize } from './finalization.js';
import { attemptPayment } from './payment.js';
import { pendingItems, pullIn } from './pending.js';
import { periodOf } from './period.js';
import { prorate } from './proration.js';
import { applyUpdate, expirePendingUpdate, type Update } from './standing.js';
import { NotSubscribed } from './subscribe.js';
import { type PaymentBehavior, planOf, subscriptionItem } from './subscription.js';

interface ItemChange {
  id?: string | undefined;
  price?: string | undefined;
  quantity?: number | undefined;
  deleted?: boolean | undefined;
}
interface Terms {
  proration: 'create_prorations' | 'always_invoice' | 'none';
  prorationDate: number;
  behavior: PaymentBehavior;
  /** What changes together with the items, and waits with them. */
  together?: Partial<Pick<Update, 'metadata' | 'cancel_at_period_end'>>;
}

/** Changes a subscription's prices: at once, with prorations on the next invoice or on one of its own. */
export function changeItems(
  account: Account,
  subscription: Stripe.Subscription,
  changes: ItemChange[],
  terms: Terms,
): void {
  replaceItems(account, subscription, applied(account, subscription, changes), terms);
}

export function replaceItems(
  account: Account,
  subscription: Stripe.Subscription,
  after: Stripe.SubscriptionItem[],
  terms: Terms,
): void {
  expirePendingUpdate(account, subscription);
  const before = subscription.items.data;
  const prorations =
    terms.proration === 'none'
      ? []
      : prorate(account, subscription, before, after, terms.prorationDate);
  const update = {
    metadata: null,
    cancel_at_period_end: null,
    ...terms.together,
    subscription_items: after,
  };
  // What else is pending goes along with prorations, but is no reason for an invoice of its own.
  const billed =
    terms.proration === 'always_invoice' && prorations.length > 0
      ? pendingItems(account, idOf(subscription.customer), subscription.id)
      : [];
  // In a trial nothing is prorated, so there is nothing to wait for.
  const waits = terms.behavior === 'pending_if_incomplete' && billed.length > 0;
  if (waits)
    account.set(subscription, { pending_update: pendingUpdate(account, subscription, update) });
  else applyUpdate(account, subscription, update);
  if (billed.length === 0) return;
  const failure = invoiceNow(account, subscription, billed, terms.behavior);
  if (failure && terms.behavior === 'error_if_incomplete') throw new NotSubscribed(failure);
  account.set(subscription, {});
  if (failure && waits)
    account.emit('customer.subscription.updated', subscription, { pending_update: null });
}

function pendingUpdate(
  account: Account,
  subscription: Stripe.Subscription,
  update: Update,
): Stripe.Subscription.PendingUpdate {
  return {
    billing_cycle_anchor: null,
    discount: null,
    discounts: null,
    // A trial ends with its period.
    expires_at: Math.min(
      account.now(subscription.test_clock) + INCOMPLETE_LIFE,
      periodOf(subscription).end,
    ),
    trial_end: null,
    trial_from_plan: null,
    ...update,
  };
}

/** Bills what is pending on a subscription now, outside its cycle. */
function invoiceNow(
  account: Account,
  subscription: Stripe.Subscription,
  items: Stripe.InvoiceItem[],
  behavior: PaymentBehavior,
): StripeFailure | null {
  const customer = account.get('customer', idOf(subscription.customer));
  const invoice = createDraft(account, {
    customer,
    subscription,
    reason: 'subscription_update',
    period: periodOf(subscription),
    lines: [],
    autoAdvance: false,
    finalizesAt: null,
  });
  pullIn(account, invoice, items);
  account.update(subscription, { latest_invoice: invoice.id });
  finalize(
    account,
    invoice,
    behavior !== 'default_incomplete' && behavior !== 'pending_if_incomplete',
  );
  if (behavior === 'default_incomplete' && invoice.amount_due > 0) {
    account.update(subscription, { status: 'past_due' });
    return null;
  }
  return attemptPayment(account, invoice, { automatic: invoice.amount_due > 0 });
}

function applied(
  account: Account,
  subscription: Stripe.Subscription,
  changes: ItemChange[],
): Stripe.SubscriptionItem[] {
  const items = [...subscription.items.data];
  const now = account.now(subscription.test_clock);
  for (const change of changes) {
    const price =
      change.price === undefined
        ? undefined
        : account.get('price', change.price, 'items[0][price]');
    const at = items.findIndex((item) => item.id === change.id);
    const item = items[at];
    if (change.id !== undefined && !item)
      throw invalid(`No such subscription item: '${change.id}'`, {
        code: 'resource_missing',
        param: 'items[0][id]',
      });
    if (!item) {
      if (!price)
        throw invalid('Missing required param: items[0][price].', { code: 'parameter_missing' });
      items.push(subscriptionItem(subscription.id, price, periodOf(subscription), now, change));
    } else if (change.deleted) items.splice(at, 1);
    else
      items[at] = {
        ...item,
        ...(price ? { price, plan: planOf(price) } : {}),
        quantity: change.quantity ?? item.quantity ?? 1,
      };
  }
  if (items.length === 0) throw invalid('A subscription must have at least one active plan.');
  return items;
}
