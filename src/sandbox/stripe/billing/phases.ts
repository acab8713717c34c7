import type Stripe from 'stripe';
import { invalid } from '../../http/error.js';
import { type Account, idOf } from '../account.js';
import { addInterval, periodEnd, periodOf } from './period.js';
import { phaseItem } from './scheduled.js';

type Phase = Stripe.SubscriptionSchedule.Phase;

export interface PhaseWish {
  items: {
    price: string;
    quantity?: number | undefined;
    metadata?: Stripe.Metadata | '' | undefined;
  }[];
  start_date?: number | 'now' | undefined;
  end_date?: number | 'now' | undefined;
  duration?:
    | { interval: Stripe.Price.Recurring.Interval; interval_count?: number | undefined }
    | undefined;
  metadata?: Stripe.Metadata | '' | undefined;
  proration_behavior?: Phase['proration_behavior'] | undefined;
  trial?: boolean | undefined;
  trial_end?: number | 'now' | undefined;
}

/** The one phase of a schedule that is made of a subscription as it is. */
export function phaseOf(subscription: Stripe.Subscription): Phase {
  const { start, end } = periodOf(subscription);
  return newPhase(subscription, {
    start_date: start,
    end_date: subscription.cancel_at ?? end,
    items: subscription.items.data.map(phaseItem),
    trial_end: subscription.status === 'trialing' ? subscription.trial_end : null,
  });
}

/** The phases that an update asks for, from the current one on: past ones may be repeated or left out. */
export function plannedPhases(
  account: Account,
  subscription: Stripe.Subscription,
  current: Stripe.SubscriptionSchedule.CurrentPhase,
  wishes: PhaseWish[],
): Phase[] {
  const now = account.now(subscription.test_clock);
  const moment = (date: number | 'now' | undefined) => (date === 'now' ? now : date);
  if (wishes[0]?.start_date === undefined)
    throw invalid(
      'The subscription schedule update is missing at least one phase with a `start_date` to anchor end dates to.',
      { param: 'phases' },
    );
  const phases: Phase[] = [];
  for (const [n, wish] of wishes.entries()) {
    const param = (name: string) => ({ param: `phases[${n}][${name}]` });
    const previous = phases.at(-1)?.end_date;
    const start = moment(wish.start_date) ?? previous ?? now;
    if (previous !== undefined && start !== previous)
      throw invalid('Each phase must start when the previous one ends.', param('start_date'));
    const items = wish.items.map((item) => {
      account.get('price', item.price, `phases[${n}][items][0][price]`);
      return phaseItem({ ...item, metadata: item.metadata || {} });
    });
    const end = endOf(account, subscription, wish, start, moment(wish.end_date), param('duration'));
    if (end <= start) throw invalid('A phase must end after it starts.', param('end_date'));
    const trialEnd = wish.trial ? end : (moment(wish.trial_end) ?? null);
    if (trialEnd !== null && start > current.start_date)
      throw invalid('Only the current phase can have a trial.', param('trial_end'));
    phases.push(
      newPhase(subscription, {
        start_date: start,
        end_date: end,
        items,
        trial_end: trialEnd,
        metadata: wish.metadata || {},
        proration_behavior: wish.proration_behavior ?? 'create_prorations',
      }),
    );
  }
  const open = phases.filter(({ end_date }) => end_date > current.start_date);
  if (open[0]?.start_date !== current.start_date)
    throw invalid('You can not modify the start date of the current phase.', {
      param: 'phases[0][start_date]',
    });
  if (open[0].end_date < now)
    throw invalid('The current phase can not end in the past.', { param: 'phases[0][end_date]' });
  return open;
}

/** A phase ends when it says, or after its duration, or with the first period that it begins. */
function endOf(
  account: Account,
  subscription: Stripe.Subscription,
  { duration, items }: PhaseWish,
  start: number,
  end: number | undefined,
  param: { param: string },
): number {
  if (end !== undefined && duration)
    throw invalid('You may only specify one of these parameters: end_date, duration.', param);
  if (duration) return addInterval(start, duration.interval, duration.interval_count ?? 1);
  const recurring = account.get('price', items[0]?.price ?? '', 'phases').recurring;
  if (!recurring)
    throw invalid(
      'The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.',
      param,
    );
  return end ?? periodEnd(subscription.billing_cycle_anchor, start, recurring);
}

function newPhase(
  subscription: Stripe.Subscription,
  phase: Pick<Phase, 'start_date' | 'end_date' | 'items' | 'trial_end'> & Partial<Phase>,
): Phase {
  return {
    add_invoice_items: [],
    application_fee_percent: null,
    billing_cycle_anchor: null,
    billing_thresholds: null,
    collection_method: null,
    currency: subscription.currency,
    default_payment_method:
      subscription.default_payment_method && idOf(subscription.default_payment_method),
    default_tax_rates: [],
    description: null,
    discounts: [],
    invoice_settings: null,
    metadata: {},
    on_behalf_of: null,
    proration_behavior: 'create_prorations',
    transfer_data: null,
    ...phase,
  };
}
