import { randomUUID } from 'node:crypto';
import type { Product } from './product.js';

export interface Subscriber {
  teamId: string;
  customerId: string;
  subscriptionId: string;
}

/** A team of its own that Stripe knows nothing of. */
export async function freeTeam({ api }: Pick<Product, 'api'>): Promise<string> {
  const teamId = `team_${randomUUID().slice(0, 8)}`;
  await api('PUT', `/api/v1/teams/${teamId}`, {
    name: 'Acme',
    adminEmail: `${teamId}@admin.example`,
  });
  return teamId;
}

/** A team of its own, with a customer at Stripe who has a good card. */
export async function customerTeam({
  api,
  stripe,
}: Product): Promise<Omit<Subscriber, 'subscriptionId'>> {
  const teamId = `team_${randomUUID().slice(0, 8)}`;
  const customer = await stripe.customers.create({
    email: `${teamId}@customer.example`,
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  await api('PUT', `/api/v1/teams/${teamId}`, {
    name: 'Acme',
    adminEmail: `${teamId}@admin.example`,
    stripeCustomerId: customer.id,
  });
  return { teamId, customerId: customer.id };
}

/** A team that has paid for its first month of a plan. */
export async function subscriber(
  product: Product,
  plan: 'pro' | 'enterprise' = 'pro',
): Promise<Subscriber> {
  const { teamId, customerId } = await customerTeam(product);
  const { id } = await product.stripe.subscriptions.create({
    customer: customerId,
    items: [{ price: `price_sandbox_${plan}` }],
    metadata: { team_id: teamId },
    billing_mode: { type: 'flexible' },
  });
  await product.until(teamId, (team) => {
    if (team.tier !== plan) throw new Error(`${teamId} is on ${team.tier}`);
  });
  return { teamId, customerId, subscriptionId: id };
}

/** The customer's card declines from now on. */
export async function breakCard({ control }: Product, { customerId }: Subscriber): Promise<void> {
  await control('POST', `/customers/${customerId}/card`, { card: 'pm_card_chargeCustomerFail' });
}

/** The customer replaces the card by one that pays. */
export async function fixCard({ control }: Product, { customerId }: Subscriber): Promise<void> {
  await control('POST', `/customers/${customerId}/card`, { card: 'pm_card_visa' });
}

/** The subscription's period ends now, and its next invoice is due. */
export async function renew({ control }: Product, { subscriptionId }: Subscriber): Promise<void> {
  await control('POST', `/subscriptions/${subscriptionId}/renew`);
}
