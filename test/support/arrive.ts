import { expect } from 'vitest';
import { hasUnknownPrice } from '../../src/domain/subscription.js';
import type { TeamState } from '../../src/domain/team.js';
import type { Direct } from './direct.js';

/** R16: once all is told and answered the team is what Stripe says: as read anew, and as known from nothing. */
export async function arrive(team: Direct): Promise<void> {
  await team.settle();
  const settled = team.state;
  await team.resync();
  expect(lasting(team.state), 'as read anew').toEqual(lasting(settled));
  const anew = await team.anew();
  expect(known(team.state), 'as known from nothing').toEqual(known(anew));
}

/** What a reading without news leaves as it is. */
export const lasting = ({ turn, seen, readUpTo, ...state }: TeamState) => state;

/** What Stripe alone tells of a team. */
function known({ subscription, tier, ladders, customerId }: TeamState) {
  const current = subscription?.id;
  return {
    customerId,
    subscription,
    // A price that no plan knows leaves it as it was (R37).
    tier: subscription !== null && hasUnknownPrice(subscription) ? null : tier,
    unpaid: ladders
      .filter(({ subscriptionId }) => subscriptionId === current)
      .map(({ invoiceId }) => invoiceId)
      .toSorted(),
  };
}
