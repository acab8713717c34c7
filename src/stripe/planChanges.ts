import type Stripe from 'stripe';
import type { Instant } from '../domain/instant.js';
import type { Standing, Step } from '../domain/planChange.js';
import { currentSubscription } from '../domain/subscription.js';
import { answerOf, isSpentKey, StripeUnavailable } from './errors.js';
import { type PlanPrices, phasesToCome, planItem, subscriptionOf } from './truth.js';
import { idOf, instant } from './values.js';

/** How the subscription of a customer stands at Stripe now, with what the steps of a change need. */
export interface PlanStanding extends Standing {
  found: Stripe.Subscription;
  item: Stripe.SubscriptionItem;
  /** The time of its test clock, which its events have too; null outside of tests. */
  clock: Instant | null;
}

/**
 * Reads the subscription that counts for a customer; undefined: there is none that lives.
 * Throws `StripeUnavailable` and `StripeRefused`.
 */
export async function readStanding(
  stripe: Stripe,
  customer: string,
  prices: PlanPrices,
): Promise<PlanStanding | undefined> {
  const expand = ['data.schedule', 'data.latest_invoice', 'data.test_clock'];
  const { data } = await answerOf(stripe.subscriptions.list({ customer, limit: 100, expand }));
  const subscription = currentSubscription(data.map((of) => subscriptionOf(of, prices)));
  const found = data.find(({ id }) => id === subscription?.id);
  if (subscription === null || found === undefined) return undefined;
  const item = planItem(found, prices);
  if (item === undefined) return undefined;
  return {
    subscription,
    upgrade: upgradeOf(found, prices),
    schedule: scheduleOf(found),
    found,
    item,
    clock: typeof found.test_clock === 'object' ? clockOf(found.test_clock) : null,
  };
}

function upgradeOf(found: Stripe.Subscription, prices: PlanPrices): Standing['upgrade'] {
  if (found.pending_update === null) return null;
  const items = found.pending_update.subscription_items ?? [];
  const plans = items.flatMap(({ price }) => prices.get(price.id) ?? []);
  return {
    plan: plans[0] ?? null,
    hostedInvoiceUrl: openUpgrade(found)?.hosted_invoice_url ?? null,
  };
}

/** The invoice that a pending update waits for: never one of a renewal, which is owed whatever the plan. */
function openUpgrade({ latest_invoice }: Stripe.Subscription): Stripe.Invoice | undefined {
  if (typeof latest_invoice !== 'object' || latest_invoice === null) return undefined;
  const { billing_reason, status } = latest_invoice;
  return billing_reason === 'subscription_update' && status === 'open' ? latest_invoice : undefined;
}

function scheduleOf({ schedule }: Stripe.Subscription): Standing['schedule'] {
  if (typeof schedule !== 'object' || schedule === null) return 'none';
  return phasesToCome(schedule).length > 0 ? 'planned' : 'bare';
}

const clockOf = (clock: Stripe.TestHelpers.TestClock | null) =>
  clock === null ? null : instant(clock.frozen_time);

/**
 * Takes one step, under a key that does it once (R35); `price` is that of the plan wished for. What Stripe
 * repeats under a spent key is no answer: whether it was taken shows by looking, and it takes another
 * key. Throws `StripeUnavailable` and `StripeRefused`.
 */
export async function takeStep(
  stripe: Stripe,
  standing: PlanStanding,
  step: Step,
  price: string,
  idempotencyKey: string,
): Promise<void> {
  const call = callOf(stripe, standing, step, price, { idempotencyKey });
  await answerOf(
    call.catch((error: unknown) => {
      if (!isSpentKey(error)) throw error;
    }),
  );
}

async function callOf(
  stripe: Stripe,
  { found, item }: PlanStanding,
  step: Step,
  price: string,
  options: Stripe.RequestOptions,
): Promise<unknown> {
  const { id, schedule } = found;
  switch (step) {
    case 'void': {
      const invoice = openUpgrade(found);
      if (invoice === undefined) throw new StripeUnavailable('a change of plan is being paid');
      return stripe.invoices.voidInvoice(invoice.id, {}, options);
    }
    case 'release':
      return stripe.subscriptionSchedules.release(
        idOf(schedule) ?? '',
        { preserve_cancel_date: true },
        options,
      );
    case 'keep':
      return stripe.subscriptions.update(
        id,
        found.cancel_at_period_end ? { cancel_at_period_end: false } : { cancel_at: '' },
        options,
      );
    case 'cancel':
      return stripe.subscriptions.update(id, { cancel_at_period_end: true }, options);
    case 'upgrade':
      return stripe.subscriptions.update(
        id,
        {
          items: [{ id: item.id, price }],
          proration_behavior: 'always_invoice',
          payment_behavior: 'pending_if_incomplete',
          // Waits for the payment too.
          ...(found.cancel_at_period_end && { cancel_at_period_end: false }),
        },
        options,
      );
    case 'schedule':
      return stripe.subscriptionSchedules.create({ from_subscription: id }, options);
    case 'phases':
      return stripe.subscriptionSchedules.update(
        idOf(schedule) ?? '',
        {
          end_behavior: 'release',
          proration_behavior: 'none',
          metadata: found.metadata,
          phases: phasesTo(price, found, item),
        },
        options,
      );
    default:
      return step satisfies never;
  }
}

type PhaseWish = Stripe.SubscriptionScheduleUpdateParams.Phase;

/** What there is until the period's end, and then the same with another price: what is left out would be lost. */
function phasesTo(
  price: string,
  { schedule }: Stripe.Subscription,
  { price: before, current_period_end }: Stripe.SubscriptionItem,
): PhaseWish[] {
  const { phases = [], current_phase = null } =
    typeof schedule === 'object' && schedule !== null ? schedule : {};
  const current = phases.find(({ start_date }) => start_date === current_phase?.start_date);
  if (current === undefined) throw new StripeUnavailable('a schedule has no current phase');
  const { start_date, trial_end } = current;
  const items = current.items.map(({ price: sold, quantity, metadata, tax_rates, discounts }) => ({
    price: idOf(sold) ?? '',
    ...(quantity !== undefined && { quantity }),
    metadata: metadata ?? {},
    tax_rates: (tax_rates ?? []).map(({ id }) => id),
    discounts: discounts.map(kept),
  }));
  const same = {
    default_tax_rates: (current.default_tax_rates ?? []).map(({ id }) => id),
    discounts: current.discounts.map(kept),
  };
  return [
    {
      ...same,
      items,
      start_date,
      end_date: current_period_end,
      ...(trial_end !== null && { trial_end }),
    },
    {
      ...same,
      items: items.map((item) => (item.price === before.id ? { ...item, price } : item)),
      duration: { interval: 'month', interval_count: 1 },
      proration_behavior: 'none',
    },
  ];
}

/** A discount that goes on, not one that begins anew. */
function kept({
  discount,
  coupon,
  promotion_code,
}: Stripe.SubscriptionSchedule.Phase.Discount): Stripe.SubscriptionScheduleUpdateParams.Phase.Discount {
  const [there, code, redeemed] = [idOf(discount), idOf(promotion_code), idOf(coupon)];
  if (there !== null) return { discount: there };
  return code === null ? { coupon: redeemed ?? '' } : { promotion_code: code };
}
