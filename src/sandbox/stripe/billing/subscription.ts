import type Stripe from 'stripe';
import { invalid } from '../../http/error.js';
import type { MissingPaymentMethod } from '../../objects.js';
import { type Account, idOf, newId } from '../account.js';
import { NO_REASON } from './cancellation.js';
import { type Period, periodEnd } from './period.js';

export type PaymentBehavior =
  | 'allow_incomplete'
  | 'default_incomplete'
  | 'error_if_incomplete'
  | 'pending_if_incomplete';

export interface NewSubscription {
  customer: Stripe.Customer;
  items: {
    price: string;
    quantity?: number | undefined;
    metadata?: Stripe.Metadata | '' | undefined;
  }[];
  metadata?: Stripe.Metadata;
  defaultPaymentMethod?: string | null;
  billingMode?: Stripe.Subscription.BillingMode.Type;
  anchor?: number | undefined;
  trialEnd?: number | null;
  missingPaymentMethod?: MissingPaymentMethod | null | undefined;
  cancelAt?: number | null;
  cancelAtPeriodEnd?: boolean;
  collectionMethod?: Stripe.Subscription.CollectionMethod | undefined;
  daysUntilDue?: number | null;
  description?: string | null;
  behavior: PaymentBehavior;
  /** The customer is here and confirms what the bank asks (a checkout page). */
  confirmed?: boolean;
}

/** A subscription as it is before anything was collected. */
export function buildSubscription(account: Account, wish: NewSubscription): Stripe.Subscription {
  const now = account.now(wish.customer.test_clock ?? null);
  const id = newId('sub');
  const prices = wish.items.map(({ price }) => account.get('price', price, 'items[0][price]'));
  const recurring = prices[0]?.recurring;
  if (!recurring)
    throw invalid(
      'The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.',
      { param: 'items[0][price]' },
    );
  const trialEnd = wish.trialEnd ?? null;
  const anchor = trialEnd ?? wish.anchor ?? now;
  const period = { start: now, end: periodEnd(anchor, now, recurring) };
  const cancelAt = wish.cancelAtPeriodEnd ? period.end : (wish.cancelAt ?? null);
  return {
    id,
    object: 'subscription',
    application: null,
    application_fee_percent: null,
    billing_cycle_anchor_config: null,
    billing_thresholds: null,
    customer_account: null,
    default_source: null,
    ended_at: null,
    latest_invoice: null,
    managed_payments: null,
    next_pending_invoice_item_invoice: null,
    on_behalf_of: null,
    pause_collection: null,
    pending_invoice_item_interval: null,
    pending_setup_intent: null,
    pending_update: null,
    schedule: null,
    transfer_data: null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor: anchor,
    billing_mode: {
      flexible: wish.billingMode === 'classic' ? null : {},
      type: wish.billingMode ?? 'flexible',
    },
    billing_schedules: [],
    cancel_at: cancelAt,
    cancel_at_period_end: wish.cancelAtPeriodEnd ?? false,
    canceled_at: cancelAt === null ? null : now,
    cancellation_details: NO_REASON,
    collection_method: wish.collectionMethod ?? 'charge_automatically',
    created: now,
    currency: prices[0]?.currency ?? 'idr',
    customer: wish.customer.id,
    days_until_due: wish.daysUntilDue ?? null,
    default_payment_method: wish.defaultPaymentMethod ?? null,
    default_tax_rates: [],
    description: wish.description ?? null,
    discounts: [],
    invoice_settings: {
      account_tax_ids: null,
      custom_fields: null,
      description: null,
      footer: null,
      issuer: { type: 'self' },
    },
    items: {
      object: 'list',
      data: wish.items.map((item) =>
        subscriptionItem(
          id,
          account.get('price', item.price, 'items[0][price]'),
          period,
          now,
          item,
        ),
      ),
      has_more: false,
      url: `/v1/subscription_items?subscription=${id}`,
    },
    livemode: false,
    metadata: wish.metadata ?? {},
    payment_settings: {
      payment_method_options: null,
      payment_method_types: null,
      save_default_payment_method: 'off',
    },
    start_date: now,
    status:
      trialEnd !== null
        ? 'trialing'
        : wish.collectionMethod === 'send_invoice'
          ? 'active'
          : 'incomplete',
    test_clock: wish.customer.test_clock ? idOf(wish.customer.test_clock) : null,
    trial_end: trialEnd,
    trial_settings: {
      end_behavior: {
        billing_cycle_anchor: 'now',
        missing_payment_method: wish.missingPaymentMethod ?? 'create_invoice',
      },
    },
    trial_start: trialEnd === null ? null : now,
  };
}

export function subscriptionItem(
  subscription: string,
  price: Stripe.Price,
  period: Period,
  created: number,
  wish: { quantity?: number | undefined; metadata?: Stripe.Metadata | '' | undefined },
): Stripe.SubscriptionItem {
  return {
    id: newId('si'),
    object: 'subscription_item',
    billing_thresholds: null,
    created,
    current_period_end: period.end,
    current_period_start: period.start,
    current_trial: null,
    discounts: [],
    metadata: wish.metadata || {},
    plan: planOf(price),
    price,
    quantity: wish.quantity ?? 1,
    subscription,
    tax_rates: [],
  };
}

/** The older view of a price, which items still carry. */
export function planOf(price: Stripe.Price): Stripe.Plan {
  return {
    id: price.id,
    object: 'plan',
    active: price.active,
    amount: price.unit_amount,
    amount_decimal: price.unit_amount_decimal,
    billing_scheme: price.billing_scheme,
    created: price.created,
    currency: price.currency,
    interval: price.recurring?.interval ?? 'month',
    interval_count: price.recurring?.interval_count ?? 1,
    livemode: false,
    metadata: price.metadata,
    meter: null,
    nickname: price.nickname,
    product: price.product,
    tiers_mode: null,
    transform_usage: null,
    trial_period_days: null,
    usage_type: 'licensed',
  };
}
