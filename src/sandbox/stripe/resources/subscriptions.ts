import type Stripe from 'stripe';
import { z } from 'zod';
import { invalid } from '../../http/error.js';
import {
  flag,
  integer,
  metadata,
  params,
  range,
  taken,
  text,
  unsettable,
} from '../../http/params.js';
import { type Account, idOf, mergeMetadata } from '../account.js';
import { changeItems } from '../billing/changeItems.js';
import { endSubscription, renewNow } from '../billing/cycle.js';
import { DAY, periodOf } from '../billing/period.js';
import { subscribe } from '../billing/subscribe.js';
import type { PaymentBehavior } from '../billing/subscription.js';
import { listRoute, route } from '../route.js';

const behavior = z.enum([
  'allow_incomplete',
  'default_incomplete',
  'error_if_incomplete',
  'pending_if_incomplete',
]);
const proration = z.enum(['create_prorations', 'always_invoice', 'none']);
const itemShape = {
  price: text.optional(),
  quantity: integer.optional(),
  metadata: metadata.optional(),
  ...taken('discounts', 'tax_rates', 'price_data'),
};
const shared = {
  cancel_at_period_end: flag.optional(),
  collection_method: z.enum(['charge_automatically', 'send_invoice']).optional(),
  days_until_due: integer.optional(),
  default_payment_method: text.optional(),
  description: text.optional(),
  metadata: metadata.optional(),
  off_session: flag.optional(),
  payment_behavior: behavior.optional(),
  proration_behavior: proration.optional(),
  trial_end: z.union([z.literal('now'), integer]).optional(),
  ...taken('automatic_tax', 'invoice_settings', 'payment_settings', 'trial_settings'),
};

const createParams = params({
  ...shared,
  customer: text,
  items: z.array(z.strictObject(itemShape)).min(1),
  billing_cycle_anchor: integer.optional(),
  billing_mode: z
    .strictObject({ type: z.enum(['classic', 'flexible']), flexible: z.unknown().optional() })
    .optional(),
  cancel_at: integer.optional(),
  currency: text.optional(),
  trial_period_days: integer.optional(),
});

const updateParams = params({
  ...shared,
  items: z
    .array(
      z.strictObject({
        ...itemShape,
        id: text.optional(),
        deleted: flag.optional(),
        ...taken('clear_usage'),
      }),
    )
    .optional(),
  billing_cycle_anchor: z.enum(['now', 'unchanged']).optional(),
  cancel_at: unsettable(integer).optional(),
  default_payment_method: unsettable(text).optional(),
  proration_date: integer.optional(),
  ...taken('cancellation_details'),
});

function create(account: Account, input: z.output<typeof createParams>): Stripe.Subscription {
  const customer = account.get('customer', input.customer, 'customer');
  const now = account.now(customer.test_clock ?? null);
  const method = input.default_payment_method;
  if (method !== undefined) checkOwner(account, method, customer.id);
  const trialEnd = input.trial_period_days
    ? now + input.trial_period_days * DAY
    : typeof input.trial_end === 'number'
      ? input.trial_end
      : null;
  return subscribe(account, {
    customer,
    items: input.items.map((item) => ({ ...item, price: priceOf(item.price) })),
    metadata: mergeMetadata({}, input.metadata),
    defaultPaymentMethod: method ?? null,
    ...(input.billing_mode ? { billingMode: input.billing_mode.type } : {}),
    anchor: input.billing_cycle_anchor,
    trialEnd,
    cancelAt: input.cancel_at ?? null,
    cancelAtPeriodEnd: input.cancel_at_period_end ?? false,
    collectionMethod: input.collection_method,
    daysUntilDue: input.days_until_due ?? null,
    description: input.description ?? null,
    behavior: input.payment_behavior ?? 'allow_incomplete',
  });
}

function priceOf(price: string | undefined): string {
  if (price !== undefined) return price;
  throw invalid('Missing required param: items[0][price].', {
    code: 'parameter_missing',
    param: 'items[0][price]',
  });
}

function checkOwner(account: Account, method: string, customer: string): void {
  const owner = account.get('payment_method', method, 'default_payment_method').customer;
  if (owner === null || idOf(owner) !== customer)
    throw invalid(
      `The customer does not have a payment method with the ID ${method}. The payment method must be attached to the customer.`,
      { code: 'resource_missing', param: 'default_payment_method' },
    );
}

function update(
  account: Account,
  input: z.output<typeof updateParams>,
  id: string,
): Stripe.Subscription {
  const subscription = account.get('subscription', id);
  if (subscription.status === 'canceled' || subscription.status === 'incomplete_expired')
    throw invalid('A canceled subscription can only update its cancellation_details and metadata.');
  const now = account.now(subscription.test_clock);
  const method = input.default_payment_method;
  if (typeof method === 'string') checkOwner(account, method, idOf(subscription.customer));
  account.update(subscription, {
    ...(input.metadata === undefined
      ? {}
      : { metadata: mergeMetadata(subscription.metadata, input.metadata) }),
    ...(method === undefined ? {} : { default_payment_method: method }),
    ...(input.description === undefined ? {} : { description: input.description }),
    ...cancellation(subscription, input, now),
    ...(typeof input.trial_end === 'number'
      ? { trial_end: input.trial_end, billing_cycle_anchor: input.trial_end }
      : {}),
  });
  const paymentBehavior: PaymentBehavior = input.payment_behavior ?? 'allow_incomplete';
  if (input.items)
    changeItems(account, subscription, input.items, {
      proration: input.proration_behavior ?? 'create_prorations',
      prorationDate: input.proration_date ?? now,
      behavior: paymentBehavior,
    });
  if (input.trial_end === 'now' || input.billing_cycle_anchor === 'now')
    renewNow(account, subscription);
  return account.get('subscription', id);
}

/** How an update changes when a subscription ends. */
function cancellation(
  subscription: Stripe.Subscription,
  input: z.output<typeof updateParams>,
  now: number,
): Partial<Stripe.Subscription> {
  const { cancel_at_period_end: atPeriodEnd, cancel_at: at } = input;
  if (atPeriodEnd === undefined && at === undefined) return {};
  const cancelAt = atPeriodEnd ? periodOf(subscription).end : (at ?? null);
  return {
    cancel_at: cancelAt,
    cancel_at_period_end: atPeriodEnd ?? false,
    canceled_at: cancelAt === null ? null : now,
    cancellation_details: {
      comment: null,
      feedback: null,
      feedback_option: null,
      reason: cancelAt === null ? null : 'cancellation_requested',
    },
  };
}

const statusFilter = z.enum([
  'active',
  'all',
  'canceled',
  'ended',
  'incomplete',
  'incomplete_expired',
  'past_due',
  'paused',
  'trialing',
  'unpaid',
]);

export const subscriptionRoutes = [
  route('post', '/v1/subscriptions', createParams, create),
  route('get', '/v1/subscriptions/:id', params({}), (account, _, id) =>
    account.get('subscription', id),
  ),
  route('post', '/v1/subscriptions/:id', updateParams, update),
  route(
    'delete',
    '/v1/subscriptions/:id',
    params({
      invoice_now: flag.optional(),
      prorate: flag.optional(),
      ...taken('cancellation_details'),
    }),
    (account, { invoice_now }, id) => {
      const subscription = account.get('subscription', id);
      if (subscription.status === 'canceled')
        throw invalid(`No such subscription: '${id}'`, { code: 'resource_missing', param: 'id' });
      endSubscription(account, subscription, { withPendingItems: invoice_now ?? false });
      return subscription;
    },
  ),
  listRoute(
    '/v1/subscriptions',
    'subscription',
    {
      customer: text.optional(),
      status: statusFilter.optional(),
      price: text.optional(),
      test_clock: text.optional(),
      created: range.optional(),
    },
    ({ customer, status, price, test_clock, created }) => ({
      customer,
      created,
      test_clock,
      'items.data[0].price.id': price,
      status:
        status === 'all'
          ? undefined
          : status === 'ended'
            ? { in: ['canceled', 'incomplete_expired'] }
            : (status ?? { not: 'canceled' }),
    }),
  ),
];
