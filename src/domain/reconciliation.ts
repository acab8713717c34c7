import { currentSubscription, isLive, type Subscription } from './subscription.js';
import type { TeamState } from './team.js';

/** A subscription as the account lists it. */
export interface Listed {
  subscription: Subscription;
  /** The team that its metadata names. */
  teamHint: string | null;
  /** Its latest invoice, where that is a renewal whose payment was tried and not made. */
  unpaidInvoiceId: string | null;
}

/** What is compared, with the words for it. */
const names = {
  status: 'status',
  priceId: 'price',
  plan: 'plan',
  currentPeriodEnd: 'period end',
  cancelAt: 'scheduled end',
  endedAt: 'end',
  customerId: 'customer',
  trialEnd: 'trial end',
  pendingPlan: 'scheduled plan',
  pauseCollection: 'paused collection',
} as const satisfies Partial<Record<keyof Subscription, string>>;

const text = (value: unknown) => JSON.stringify(value ?? null);

/**
 * In what the state of a team is not as Stripe lists one of its subscriptions: nothing for one that is
 * neither its current one nor ought to be (R16).
 */
export function differences(state: TeamState, { subscription, unpaidInvoiceId }: Listed): string[] {
  const { subscription: known, attention, ladders, closed } = state;
  if (known === null) return ['subscription'];
  if (known.id !== subscription.id) {
    const counts = currentSubscription([known, subscription]) === subscription;
    const isNews = isLive(subscription) && attention !== 'second_subscription';
    return counts || isNews ? ['subscription'] : [];
  }
  const differing = Object.entries(names).flatMap(([field, name]) => {
    const key = field as keyof typeof names;
    return text(known[key]) === text(subscription[key]) ? [] : [name];
  });
  const isUnheard =
    unpaidInvoiceId !== null &&
    !closed.includes(unpaidInvoiceId) &&
    ladders.every(({ invoiceId }) => invoiceId !== unpaidInvoiceId);
  return isUnheard ? [...differing, 'unpaid invoice'] : differing;
}
