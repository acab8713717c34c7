import type Stripe from 'stripe';
import type { Pool } from '../db/pool.js';
import type { TeamRow } from '../db/teams.js';
import { isSubscribed, openCheckout, openPortal } from '../stripe/checkout.js';
import type { PriceIds } from '../stripe/prices.js';
import { knownTeam } from './knownTeam.js';

/** The team has a subscription, which would not end by buying another one. */
export class AlreadySubscribed extends Error {
  override name = 'AlreadySubscribed';
}

/** Stripe knows nothing of the team yet. */
export class NoCustomer extends Error {
  override name = 'NoCustomer';
}

/** Opens pages of Stripe's for a team. All of it throws `StripeUnavailable` and `StripeRefused` too. */
export class StripePages {
  constructor(
    private readonly pool: Pool,
    private readonly stripe: Stripe,
    private readonly priceIds: PriceIds,
  ) {}

  /** Where a plan is bought. Throws `UnknownTeam` and `AlreadySubscribed`. */
  async checkout(
    teamId: string,
    {
      plan,
      successUrl,
      cancelUrl,
    }: { plan: keyof PriceIds; successUrl: string; cancelUrl: string },
  ): Promise<string> {
    const team = await knownTeam(this.pool, teamId);
    const customer = customerOf(team);
    if (customer !== null && (await isSubscribed(this.stripe, customer))) {
      throw new AlreadySubscribed('The team has a subscription already; its portal manages it.');
    }
    const priceId = this.priceIds[plan];
    const buyer = customer === null ? { customer_email: team.adminEmail } : { customer };
    return openCheckout(this.stripe, { teamId, priceId, buyer, successUrl, cancelUrl });
  }

  /** Where a team manages its card and subscription. Throws `UnknownTeam` and `NoCustomer`. */
  async portal(teamId: string, returnUrl: string | undefined): Promise<string> {
    const customer = customerOf(await knownTeam(this.pool, teamId));
    if (customer === null) {
      throw new NoCustomer('The team has no customer at Stripe; its checkout makes one.');
    }
    return openPortal(this.stripe, customer, returnUrl);
  }
}

/** The subscription's customer is the one who pays. */
export function customerOf({ state, stripeCustomerId }: TeamRow): string | null {
  return state.subscription?.customerId ?? stripeCustomerId;
}
