import { enqueue, subscriptionWorkflowId } from '../db/outbox.js';
import { type Pool, type Queryable, transaction } from '../db/pool.js';
import {
  adoptParkedEvents,
  holdTeams,
  insertStripeEvent,
  type StripeEvent,
  teamOfEvent,
} from '../db/stripeEvents.js';

export type Acceptance = 'accepted' | 'duplicate' | 'parked' | 'ignored';

/**
 * Stores an event and the fact that it leads to in one transaction (R15). One of a team that nobody
 * knows is parked until the team appears (R18).
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
    if (teamId === undefined) return 'parked';
    const { id, type, objectId: object, createdAt } = event;
    const at = createdAt.toISOString();
    await enqueue(db, subscriptionWorkflowId(teamId), { kind: 'hint', id, type, object, at });
    return 'accepted';
  });
}

/** Delivers what was parked until the team, or its customer, became known under `holdParking` (R18). */
export async function deliverParked(db: Queryable, teamId: string): Promise<void> {
  for (const { id, type, objectId: object, createdAt } of await adoptParkedEvents(db, teamId)) {
    const at = createdAt.toISOString();
    await enqueue(db, subscriptionWorkflowId(teamId), { kind: 'hint', id, type, object, at });
  }
}
