import type Stripe from 'stripe';
import {
  enqueue,
  type OutboxFact,
  stripeEventWorkflowId,
  subscriptionWorkflowId,
} from '../db/outbox.js';
import { type Pool, type Queryable, transaction } from '../db/pool.js';
import {
  adoptParkedEvents,
  holdParking,
  holdTeams,
  insertStripeEvent,
  type NamedEvent,
  nameCustomer,
  objectOfEvent,
  parkedWithoutCustomer,
  type StripeEvent,
  teamOfEvent,
} from '../db/stripeEvents.js';
import { customerOfDispute } from '../stripe/charges.js';

export type Acceptance = 'accepted' | 'duplicate' | 'parked' | 'ignored';

/** They name a charge and no customer: whose it is only Stripe knows. */
const DISPUTES = ['charge.dispute.created', 'charge.dispute.closed'];

/**
 * Stores an event and the fact that it leads to in one transaction (R15). One of a team that nobody
 * knows is parked until the team appears (R18); of a dispute it is looked for meanwhile.
 */
export async function acceptEvent(pool: Pool, event: StripeEvent): Promise<Acceptance> {
  return transaction(pool, async (db) => {
    if (event.ignored) return (await insertStripeEvent(db, event, null)) ? 'ignored' : 'duplicate';
    let teamId = await teamOfEvent(db, event);
    if (teamId === undefined) {
      // It may be appearing this very moment: look again while none can.
      await holdTeams(db);
      teamId = await teamOfEvent(db, event);
    }
    if (!(await insertStripeEvent(db, event, teamId ?? null))) return 'duplicate';
    if (teamId !== undefined) {
      await enqueue(db, subscriptionWorkflowId(teamId), hintOf(event));
      return 'accepted';
    }
    if (DISPUTES.includes(event.type) && event.customerId === null) {
      await enqueue(db, stripeEventWorkflowId(event.id), hintOf(event));
    }
    return 'parked';
  });
}

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

const hintOf = ({ id, type, objectId: object, createdAt }: NamedEvent): OutboxFact => ({
  kind: 'hint',
  id,
  type,
  object,
  at: createdAt.toISOString(),
});
