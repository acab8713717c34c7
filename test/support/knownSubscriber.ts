import { putTeam } from '../../src/db/teams.js';
import { newTeam } from '../../src/domain/team.js';
import { saveTurn } from '../../src/services/turns.js';
import { subscriptionOf } from '../services/closing.js';
import type { Product } from './product.js';
import type { Subscriber } from './stories.js';

interface Held {
  from: Date;
  to?: Date;
  /** Its subscription is cancelled, and that was heard of. */
  former?: boolean;
}

/**
 * A customer with a subscription to Pro, who held it from when the ledger is told. That is written as by the
 * team's workflow, which is told of nothing while webhooks are paused: many of them are made in no time.
 */
export async function knownSubscriber(
  { stripe, pool }: Product,
  teamId: string,
  { from, to, former = false }: Held,
): Promise<Subscriber> {
  const { id: customerId } = await stripe.customers.create({
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  const { id: subscriptionId } = await stripe.subscriptions.create({
    customer: customerId,
    items: [{ price: 'price_sandbox_pro' }],
  });
  if (former) await stripe.subscriptions.cancel(subscriptionId);
  await putTeam(pool, {
    id: teamId,
    name: 'Acme',
    adminEmail: `${teamId}@admin.example`,
    stripeCustomerId: customerId,
  });
  const subscription = subscriptionOf({ id: subscriptionId, customerId });
  const period = {
    plan: 'pro',
    subscriptionId,
    startsAt: from.toISOString(),
    endsAt: to?.toISOString() ?? null,
  } as const;
  await saveTurn(pool, {
    state: {
      ...newTeam(teamId, customerId),
      turn: 1,
      tier: former ? 'free' : 'pro',
      subscription: former ? { ...subscription, status: 'canceled' } : subscription,
    },
    effects: [{ kind: 'plan_period', period }],
    at: new Date().toISOString(),
    taken: [],
  });
  return { teamId, customerId, subscriptionId };
}
