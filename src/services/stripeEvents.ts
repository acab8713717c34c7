import type Stripe from 'stripe';
import { enqueue } from '../db/outbox.js';
import { type Pool, type Queryable, transaction } from '../db/pool.js';
import {
  adoptParkedEvents,
  holdParking,
  type NamedEvent,
  nameCustomer,
  objectOfEvent,
  parkedWithoutCustomer,
  type StripeEvent,
  teamOfEvent,
} from '../db/stripeEvents.js';
import type { Hint } from '../domain/team.js';
import { stripeEventWorkflowId, subscriptionWorkflowId } from '../domain/workflowIds.js';
import { customerOfDispute } from '../stripe/charges.js';

/** They name a charge and no customer: whose it is only Stripe knows. */
const DISPUTES = ['charge.dispute.created', 'charge.dispute.closed'];

/** Whether an event is about a customer that only Stripe can name. */
export const isOfNobody = ({ type, customerId }: StripeEvent): boolean =>
  DISPUTES.includes(type) && customerId === null;

/** Delivers what was parked until the team, or its customer, became known under `holdParking` (R18). */
export async function deliverParked(db: Queryable, teamId: string): Promise<void> {
  for (const event of await adoptParkedEvents(db, teamId)) {
    await enqueue(db, subscriptionWorkflowId(teamId), hintOf(event));
  }
}

/** Whose a dispute is, as far as is known. */
export interface Placement {
  customerId: string | null;
  teamId: string | null;
}

/**
 * Asks Stripe whose charge is disputed, and delivers the event to the team that has the customer. It
 * stays parked, with its customer, where none has it yet (R18). Idempotent (R17).
 */
export async function placeDispute(
  pool: Pool,
  stripe: Stripe,
  eventId: string,
): Promise<Placement> {
  const disputeId = await objectOfEvent(pool, eventId);
  const customerId = disputeId === null ? null : await customerOfDispute(stripe, disputeId);
  if (customerId === null) return { customerId, teamId: null };
  return transaction(pool, async (db) => {
    await holdParking(db);
    await nameCustomer(db, eventId, customerId);
    const teamId = await teamOfEvent(db, { teamHint: null, customerId });
    if (teamId !== undefined) await deliverParked(db, teamId);
    return { customerId, teamId: teamId ?? null };
  });
}

/** Looks once more for the customers of disputes that Stripe did not know, or Temporal has lost. */
export async function enqueueDisputes(pool: Pool): Promise<void> {
  await transaction(pool, async (db) => {
    for (const event of await parkedWithoutCustomer(db, DISPUTES)) {
      await enqueue(db, stripeEventWorkflowId(event.id), hintOf(event));
    }
  });
}

/** The fact that an event leads to: what to read, and nothing of what it says (R16). */
export const hintOf = ({ id, type, objectId: object, createdAt }: NamedEvent): Hint => ({
  kind: 'hint',
  id,
  type,
  object,
  at: createdAt.toISOString(),
});
