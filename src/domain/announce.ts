import { hasUnknownPrice, isLive, type Subscription } from './subscription.js';
import type { Effect, TeamState, TimelineEntry, Truth } from './team.js';

/** What a reading changed, for the timeline, and the mail that the plan is another one (R29, R37). */
export function announce(
  before: TeamState,
  after: TeamState,
  truth: Truth,
  cause: string,
): Effect[] {
  const effects: Effect[] = [];
  const note = (kind: string, summary: string, details: TimelineEntry['details']) =>
    effects.push({ kind: 'timeline', entry: { kind, summary, cause, actor: 'stripe', details } });

  const { subscription, held, tier, attention } = after;
  const status = subscription?.status ?? 'none';
  const subscriptionId = subscription?.id ?? null;
  const same = subscriptionId === before.subscription?.id ? before.subscription : null;
  if (subscriptionId !== (before.subscription?.id ?? null) || status !== (same?.status ?? 'none')) {
    note('subscription_changed', `Subscription is ${status}`, { subscriptionId, status });
  }
  if (tier !== before.tier) {
    note('tier_changed', `Tier is ${tier}, was ${before.tier}`, { from: before.tier, to: tier });
  }
  if (subscription !== null && isLive(subscription)) {
    announcePlans(same, subscription, note);
    announceCollection(same, subscription, note);
  }
  if (subscription !== null && hasUnknownPrice(subscription)) {
    const { priceId } = subscription;
    const isNews =
      before.subscription?.priceId !== priceId || !hasUnknownPrice(before.subscription);
    const details = { subscriptionId, priceId };
    if (isNews) note('unknown_price', `No plan has the price ${priceId}`, details);
  }
  if (attention === 'second_subscription' && attention !== before.attention) {
    const live = truth.subscriptions.filter(isLive).map(({ id }) => id);
    note('second_subscription', 'The customer has more than one subscription', {
      subscriptionIds: live.join(' '),
    });
  }
  for (const id of after.unknownCustomerIds ?? []) {
    if (before.unknownCustomerIds?.includes(id)) continue;
    note('unknown_customer', `Stripe has no customer ${id}`, { customerId: id });
  }

  const was = before.held?.subscriptionId === held?.subscriptionId ? before.held : null;
  if (held !== null && was !== null && held.plan !== was.plan) {
    const details = { from: was.plan, to: held.plan, at: held.startsAt };
    const key = `${held.subscriptionId}:${held.plan}:${held.startsAt}`;
    effects.push({ kind: 'mail', mail: 'plan-changed', cause: key, details });
  }
  return effects;
}

type Note = (kind: string, summary: string, details: TimelineEntry['details']) => void;

/** What is to come of a subscription that lives: its end, another plan. */
function announcePlans(
  before: Subscription | null,
  { id: subscriptionId, cancelAt, pendingPlan, plan }: Subscription,
  note: Note,
): void {
  const { cancelAt: cancelWas = null, pendingPlan: pendingWas } = before ?? {};
  if (cancelAt !== null && cancelAt !== cancelWas) {
    const details = { subscriptionId, cancelAt };
    note('cancellation_scheduled', `The subscription ends at ${cancelAt}`, details);
  }
  if (cancelAt === null && cancelWas !== null) {
    note('cancellation_withdrawn', 'The subscription goes on', { subscriptionId });
  }
  const isNews = pendingPlan?.plan !== pendingWas?.plan || pendingPlan?.at !== pendingWas?.at;
  if (pendingPlan && isNews) {
    const summary = `The plan becomes ${pendingPlan.plan} at ${pendingPlan.at}`;
    note('plan_change_scheduled', summary, { subscriptionId, ...pendingPlan });
  }
  // One that has taken effect is a change of tier.
  if (!pendingPlan && pendingWas && pendingWas.plan !== plan) {
    const details = { subscriptionId, plan: pendingWas.plan };
    note('plan_change_withdrawn', `The plan does not become ${pendingWas.plan}`, details);
  }
}

/** Whether Stripe collects the subscription's invoices: while it does not, none of them comes to be owed (R22). */
function announceCollection(
  before: Subscription | null,
  { id: subscriptionId, pauseCollection: pause }: Subscription,
  note: Note,
): void {
  const was = before?.pauseCollection;
  if (pause === undefined) {
    if (was === undefined) return;
    return note('collection_resumed', 'Stripe collects its invoices again', { subscriptionId });
  }
  if (pause.behavior === was?.behavior && pause.resumesAt === was.resumesAt) return;
  const until = pause.resumesAt === null ? '' : ` until ${pause.resumesAt}`;
  const summary = `Stripe collects none of its invoices${until}: ${pause.behavior}`;
  note('collection_paused', summary, { subscriptionId, ...pause });
}
