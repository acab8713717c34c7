import type Stripe from 'stripe';
import { z } from 'zod';
import { invalid } from '../../http/error.js';
import { flag, integer, params, taken, text, unsettable } from '../../http/params.js';
import { type Account, idOf, mergeMetadata } from '../account.js';
import { endingAt, endOfPeriod, NOT_ENDING } from '../billing/cancellation.js';
import { changeItems } from '../billing/changeItems.js';
import { renewNow } from '../billing/cycle.js';
import { expirePendingUpdate } from '../billing/standing.js';
import type { PaymentBehavior } from '../billing/subscription.js';
import { moveTrialEnd } from '../billing/trial.js';
import { checkOwner, itemShape, shared } from './subscriptionParams.js';

export const updateParams = params({
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
  billing_cycle_anchor: z.strictObject({ type: z.enum(['now', 'unchanged']) }).optional(),
  cancel_at: unsettable(integer).optional(),
  default_payment_method: unsettable(text).optional(),
  pause_collection: unsettable(
    z.strictObject({
      behavior: z.enum(['keep_as_draft', 'mark_uncollectible', 'void']),
      resumes_at: integer.nullable().default(null),
    }),
  ).optional(),
  proration_date: integer.optional(),
  ...taken('cancellation_details'),
});

export function updateSubscription(
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
  const behavior: PaymentBehavior = input.payment_behavior ?? 'allow_incomplete';
  if (behavior === 'pending_if_incomplete') checkSupported(input);
  const end = ending(account, subscription, input);
  const waits = behavior === 'pending_if_incomplete' && input.items !== undefined;
  const waiting = subscription.pending_update?.cancel_at_period_end ?? null;
  if (waiting !== null && waiting !== (input.cancel_at_period_end ?? waiting))
    expirePendingUpdate(account, subscription);
  account.update(subscription, {
    ...(waits ? {} : { ...end, metadata: mergeMetadata(subscription.metadata, input.metadata) }),
    ...(method === undefined ? {} : { default_payment_method: method }),
    ...(input.description === undefined ? {} : { description: input.description }),
    ...(input.pause_collection === undefined ? {} : { pause_collection: input.pause_collection }),
    ...(input.trial_settings ? { trial_settings: input.trial_settings } : {}),
  });
  if (typeof input.trial_end === 'number') moveTrialEnd(account, subscription, input.trial_end);
  else if (input.trial_end === 'now' && subscription.status === 'trialing')
    account.emit('customer.subscription.trial_will_end', subscription);
  if (input.items)
    changeItems(account, subscription, input.items, {
      proration: input.proration_behavior ?? 'create_prorations',
      prorationDate: input.proration_date ?? now,
      behavior,
      ...(waits
        ? {
            together: {
              metadata: input.metadata || null,
              cancel_at_period_end: input.cancel_at_period_end ?? null,
            },
          }
        : {}),
    });
  if (input.trial_end === 'now' || input.billing_cycle_anchor?.type === 'now')
    renewNow(account, subscription);
  return account.get('subscription', id);
}

/** What can wait for a payment; Stripe's own list is a little longer. */
const SUPPORTED = [
  'cancel_at_period_end',
  'expand',
  'items',
  'metadata',
  'payment_behavior',
  'proration_behavior',
  'proration_date',
];

function checkSupported(input: z.output<typeof updateParams>): void {
  const other =
    input.metadata === ''
      ? 'metadata'
      : Object.keys(input).find((name) => !SUPPORTED.includes(name));
  if (other !== undefined)
    throw invalid(
      `When \`payment_behavior\` is set to \`pending_if_incomplete\`, you can only pass supported params. \`${other}\` is not supported. See https://stripe.com/docs/billing/subscriptions/pending-updates-reference#supported-attributes for more details.`,
      { param: other },
    );
}

/** How an update changes when a subscription ends. */
function ending(
  account: Account,
  subscription: Stripe.Subscription,
  { cancel_at_period_end: atPeriodEnd, cancel_at: at }: z.output<typeof updateParams>,
): Partial<Stripe.Subscription> {
  if (atPeriodEnd === undefined && at === undefined) return {};
  if (subscription.schedule !== null)
    throw invalid(
      `The subscription is managed by the subscription schedule \`${idOf(subscription.schedule)}\`, and updating any cancelation behavior directly is not allowed. Please update the schedule instead.`,
    );
  if (atPeriodEnd !== undefined) return endOfPeriod(account, subscription, atPeriodEnd);
  return at === null || at === undefined
    ? NOT_ENDING
    : endingAt(at, account.now(subscription.test_clock));
}
