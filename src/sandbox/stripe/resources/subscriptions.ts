import type Stripe from 'stripe';
import { z } from 'zod';
import { invalid } from '../../http/error.js';
import { flag, integer, params, range, taken, text } from '../../http/params.js';
import { type Account, mergeMetadata } from '../account.js';
import { resume } from '../billing/cycle.js';
import { endSubscription } from '../billing/ending.js';
import { DAY } from '../billing/period.js';
import { subscribe } from '../billing/subscribe.js';
import { hasCard } from '../billing/trial.js';
import { listRoute, route } from '../route.js';
import { checkOwner, itemShape, shared } from './subscriptionParams.js';
import { updateParams, updateSubscription } from './subscriptionUpdate.js';

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
    missingPaymentMethod: input.trial_settings?.end_behavior.missing_payment_method,
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

const resumeParams = params({
  billing_cycle_anchor: z.strictObject({ type: z.literal('now') }).optional(),
  payment_behavior: z.literal('resume_on_payment_attempt').optional(),
  ...taken('proration_behavior', 'proration_date'),
});

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
  route('post', '/v1/subscriptions/:id', updateParams, updateSubscription),
  route(
    'delete',
    '/v1/subscriptions/:id',
    params({
      invoice_now: flag.optional(),
      prorate: flag.optional(),
      ...taken('cancellation_details'),
    }),
    (account, { invoice_now, prorate }, id) => {
      const subscription = account.get('subscription', id);
      if (subscription.status === 'canceled')
        throw invalid(`No such subscription: '${id}'`, { code: 'resource_missing', param: 'id' });
      endSubscription(account, subscription, {
        withPendingItems: invoice_now ?? false,
        prorated: prorate ?? false,
      });
      return subscription;
    },
  ),
  route('post', '/v1/subscriptions/:id/resume', resumeParams, (account, _, id) => {
    const subscription = account.get('subscription', id);
    if (subscription.status !== 'paused')
      throw invalid('Only a subscription whose status is `paused` can be resumed.');
    if (!hasCard(account, subscription))
      throw invalid(
        'This customer has no attached payment source or default payment method. Please consider adding a default payment method.',
        { code: 'resource_missing' },
      );
    resume(account, subscription);
    return account.get('subscription', id);
  }),
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
      // Those of test clocks are listed only for their clock or customer.
      test_clock: test_clock ?? (customer === undefined ? null : undefined),
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
