import type Stripe from 'stripe';
import { z } from 'zod';
import { invalid } from '../../http/error.js';
import { flag, integer, metadata, params, range, taken, text } from '../../http/params.js';
import { type Account, idOf, mergeMetadata } from '../account.js';
import { endingAt, NOT_ENDING } from '../billing/cancellation.js';
import { replaceItems } from '../billing/changeItems.js';
import { renewNow } from '../billing/cycle.js';
import { endSubscription } from '../billing/ending.js';
import { attachSchedule } from '../billing/newSchedule.js';
import { plannedPhases } from '../billing/phases.js';
import { endPhase, itemsOf, release } from '../billing/schedule.js';
import { moveTrialEnd } from '../billing/trial.js';
import { listRoute, route } from '../route.js';
import { proration } from './subscriptionParams.js';

const PATH = '/v1/subscription_schedules';

const createParams = params({
  from_subscription: text,
  ...taken('customer', 'default_settings', 'end_behavior', 'metadata', 'phases', 'start_date'),
});

function create(
  account: Account,
  { from_subscription: id, expand: _, ...others }: z.output<typeof createParams>,
): Stripe.SubscriptionSchedule {
  const other = Object.keys(others)[0];
  if (other !== undefined)
    throw invalid(`You cannot set \`${other}\` if \`from_subscription\` is set.`, { param: other });
  return attachSchedule(account, account.get('subscription', id, 'from_subscription'));
}

const moment = z.union([z.literal('now'), integer]);
const updateParams = params({
  end_behavior: z.enum(['release', 'cancel']).optional(),
  metadata: metadata.optional(),
  proration_behavior: proration.optional(),
  phases: z
    .array(
      z.strictObject({
        items: z
          .array(
            z.strictObject({
              price: text,
              quantity: integer.optional(),
              metadata: metadata.optional(),
              ...taken('discounts', 'tax_rates'),
            }),
          )
          .min(1),
        start_date: moment.optional(),
        end_date: moment.optional(),
        duration: z
          .strictObject({
            interval: z.enum(['day', 'week', 'month', 'year']),
            interval_count: integer.optional(),
          })
          .optional(),
        billing_cycle_anchor: z.literal('automatic').optional(),
        metadata: metadata.optional(),
        proration_behavior: proration.optional(),
        trial: flag.optional(),
        trial_end: moment.optional(),
        ...taken('currency', 'default_tax_rates', 'discounts', 'invoice_settings'),
      }),
    )
    .min(1)
    .optional(),
});

function update(
  account: Account,
  input: z.output<typeof updateParams>,
  id: string,
): Stripe.SubscriptionSchedule {
  const schedule = account.get('subscription_schedule', id);
  const { subscription, current } = underWay(account, schedule, 'update', 'updated');
  const now = account.now(schedule.test_clock);
  const phases = input.phases
    ? [
        ...schedule.phases.filter(({ end_date }) => end_date <= current.start_date),
        ...plannedPhases(account, subscription, current, input.phases),
      ]
    : schedule.phases;
  const phase = phases.find(({ start_date }) => start_date === current.start_date);
  if (!phase) throw new Error(`Schedule ${id} has no current phase.`);
  account.update(schedule, {
    phases,
    current_phase: { start_date: phase.start_date, end_date: phase.end_date },
    end_behavior: input.end_behavior ?? schedule.end_behavior,
    metadata: mergeMetadata(schedule.metadata, input.metadata),
  });
  const end = schedule.end_behavior === 'cancel' ? phases.at(-1)?.end_date : undefined;
  if (end !== (subscription.cancel_at ?? undefined))
    account.update(subscription, end === undefined ? NOT_ENDING : endingAt(end, now));
  if (input.phases) follow(account, subscription, phase, input.proration_behavior);
  if (phase.end_date <= now) endPhase(account, account.get('subscription_schedule', id));
  return account.get('subscription_schedule', id);
}

/** A current phase that was changed changes the subscription at once. */
function follow(
  account: Account,
  subscription: Stripe.Subscription,
  phase: Stripe.SubscriptionSchedule.Phase,
  prorationBehavior: z.output<typeof proration> | undefined,
): void {
  if (phase.trial_end !== null) moveTrialEnd(account, subscription, phase.trial_end);
  else if (subscription.status === 'trialing') renewNow(account, subscription);
  const items = itemsOf(account, subscription, phase);
  const same = (a: Stripe.SubscriptionItem, b: Stripe.SubscriptionItem | undefined) =>
    a.id === b?.id && a.quantity === b.quantity;
  const before = subscription.items.data;
  if (items.length === before.length && items.every((item, n) => same(item, before[n]))) return;
  replaceItems(account, subscription, items, {
    proration: prorationBehavior ?? 'create_prorations',
    prorationDate: account.now(subscription.test_clock),
    behavior: 'allow_incomplete',
  });
}

/** What a schedule manages now. Throws Stripe's refusal when it manages nothing any more. */
function underWay(
  account: Account,
  schedule: Stripe.SubscriptionSchedule,
  verb: string,
  done: string,
) {
  if (schedule.subscription === null || schedule.current_phase === null)
    throw invalid(
      `You cannot ${verb} a subscription schedule that is currently in the \`${schedule.status}\` status. It must be in \`not_started, active\` status to be ${done}.`,
    );
  return {
    subscription: account.get('subscription', idOf(schedule.subscription)),
    current: schedule.current_phase,
  };
}

export const scheduleRoutes = [
  route('post', PATH, createParams, create),
  route('get', `${PATH}/:id`, params({}), (account, _, id) =>
    account.get('subscription_schedule', id),
  ),
  route('post', `${PATH}/:id`, updateParams, update),
  route(
    'post',
    `${PATH}/:id/release`,
    params({ preserve_cancel_date: flag.optional() }),
    (account, { preserve_cancel_date }, id) => {
      const schedule = account.get('subscription_schedule', id);
      underWay(account, schedule, 'release', 'released');
      release(account, schedule, { keepCancellation: preserve_cancel_date ?? false });
      return schedule;
    },
  ),
  route(
    'post',
    `${PATH}/:id/cancel`,
    params({ invoice_now: flag.optional(), prorate: flag.optional() }),
    (account, { invoice_now, prorate }, id) => {
      const schedule = account.get('subscription_schedule', id);
      const { subscription } = underWay(account, schedule, 'cancel', 'canceled');
      endSubscription(account, subscription, {
        withPendingItems: invoice_now ?? true,
        prorated: prorate ?? true,
      });
      return account.get('subscription_schedule', id);
    },
  ),
  listRoute(
    PATH,
    'subscription_schedule',
    {
      customer: text.optional(),
      created: range.optional(),
      canceled_at: range.optional(),
      completed_at: range.optional(),
      released_at: range.optional(),
      scheduled: flag.optional(),
    },
    ({ scheduled, ...same }) => ({ ...same, status: scheduled ? 'not_started' : undefined }),
  ),
];
