import type Stripe from 'stripe';
import { invalid } from '../../http/error.js';
import type { TrialNotice } from '../../objects.js';
import { type Account, idOf } from '../account.js';
import { endSubscription } from './ending.js';
import { DAY } from './period.js';

/** Stripe tells of a trial's end this long before it, and of a shorter trial's at once. */
const NOTICE = 3 * DAY;

/** Sees to it that the end of a subscription's trial is told of in time. */
export function announceTrialEnd(account: Account, subscription: Stripe.Subscription): void {
  if (subscription.trial_end === null) return;
  const id = `trial_notice_of_${subscription.id}`;
  const notice =
    account.store.find('trial_notice', id) ??
    account.create<TrialNotice>({
      id,
      object: 'trial_notice',
      subscription: subscription.id,
      test_clock: subscription.test_clock && idOf(subscription.test_clock),
      at: null,
    });
  const at = subscription.trial_end - NOTICE;
  if (at > account.now(subscription.test_clock)) account.set(notice, { at });
  else tellTrialEnd(account, notice);
}

export function tellTrialEnd(account: Account, notice: TrialNotice): void {
  account.set(notice, { at: null });
  const subscription = account.get('subscription', notice.subscription);
  if (subscription.status === 'trialing')
    account.emit('customer.subscription.trial_will_end', subscription);
}

/** Moves the end of a trial, and with it the whole cycle. */
export function moveTrialEnd(
  account: Account,
  subscription: Stripe.Subscription,
  trialEnd: number,
): void {
  if (trialEnd === subscription.trial_end) return;
  if (subscription.status !== 'trialing')
    throw invalid('Only a subscription in its trial can get another `trial_end`.', {
      param: 'trial_end',
    });
  if (trialEnd <= account.now(subscription.test_clock))
    throw invalid('Invalid timestamp: must be an integer Unix timestamp in the future', {
      param: 'trial_end',
    });
  const data = subscription.items.data.map((item) => ({ ...item, current_period_end: trialEnd }));
  account.update(subscription, {
    trial_end: trialEnd,
    billing_cycle_anchor: trialEnd,
    items: { ...subscription.items, data },
    ...(subscription.cancel_at_period_end ? { cancel_at: trialEnd } : {}),
  });
  announceTrialEnd(account, subscription);
}

/** The end of a trial without a card: says whether the subscription stops there, as its settings may want. */
export function stopsWithTrial(account: Account, subscription: Stripe.Subscription): boolean {
  if (subscription.status !== 'trialing' || hasCard(account, subscription)) return false;
  switch (subscription.trial_settings?.end_behavior.missing_payment_method) {
    case 'cancel':
      endSubscription(account, subscription, { withPendingItems: true });
      return true;
    case 'pause':
      account.update(subscription, { status: 'paused' });
      account.emit('customer.subscription.paused', subscription);
      return true;
    default:
      return false;
  }
}

export function hasCard(account: Account, subscription: Stripe.Subscription): boolean {
  const customer = account.get('customer', idOf(subscription.customer));
  return (
    (subscription.default_payment_method ?? customer.invoice_settings.default_payment_method) !==
    null
  );
}
