import { setCurrentDetails } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { disputes } from './proxies.js';

/**
 * Finds the team of an event that names none, and hands it over there (R18). It is of one event, so
 * one that Stripe does not answer for delays no other; it may run again at any time (R17).
 */
export async function stripeEvent(eventId: string): ReturnType<Activities['placeDispute']> {
  setCurrentDetails('Asks Stripe whose charge is disputed');
  const placed = await disputes.placeDispute.executeWithOptions(
    { summary: `Find the customer of ${eventId}` },
    [eventId],
  );
  const { customerId, teamId } = placed;
  setCurrentDetails(
    teamId !== null
      ? `Delivered to ${teamId}`
      : `Parked: ${customerId === null ? 'it has no customer' : `${customerId} is no team's`}`,
  );
  return placed;
}
