import { putTeam } from '../../src/db/teams.js';
import type { Product } from './product.js';
import type { Subscriber } from './stories.js';

/** A customer with a subscription to Pro. The ledger knows of it what `saveTurn` tells: no workflow is told of anything. */
export async function knownSubscriber(
  { stripe, pool }: Product,
  teamId: string,
): Promise<Subscriber> {
  const { id: customerId } = await stripe.customers.create({
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  const { id: subscriptionId } = await stripe.subscriptions.create({
    customer: customerId,
    items: [{ price: 'price_sandbox_pro' }],
  });
  await putTeam(pool, {
    id: teamId,
    name: 'Acme',
    adminEmail: `${teamId}@admin.example`,
    stripeCustomerId: customerId,
  });
  return { teamId, customerId, subscriptionId };
}
