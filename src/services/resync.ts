import { runningCloses } from '../db/closes.js';
import { waitingEmails } from '../db/emails.js';
import { enqueue, enqueueReadings } from '../db/outbox.js';
import { type Pool, transaction } from '../db/pool.js';
import { teamsToRead } from '../db/teams.js';
import type { Hint } from '../domain/team.js';
import { closeWorkflowId, MAILER } from '../domain/workflowIds.js';
import { knownTeam } from './knownTeam.js';
import { enqueueReadingsOf } from './readings.js';
import { enqueueDisputes } from './stripeEvents.js';

/**
 * Asks for a team to be read at Stripe. The relay starts its workflow where Temporal no longer has it,
 * with what Postgres knows. Throws `UnknownTeam`.
 */
export async function enqueueResync(pool: Pool, teamId: string, now: Date): Promise<void> {
  await knownTeam(pool, teamId);
  await transaction(pool, (db) =>
    enqueueReadings(db, [{ teamId, object: null }], causeOf(now), now, 0),
  );
}

/**
 * Brings back all that Temporal may have lost: every team that Stripe may know of is read anew, at the
 * pace of Stripe's budget; closes under way, mails that wait and disputes whose customer is not known
 * go on. The number of teams.
 */
export async function enqueueResyncOfAll(pool: Pool, now: Date): Promise<number> {
  const cause = causeOf(now);
  const fact: Hint = {
    kind: 'hint',
    id: cause,
    type: 'resync',
    object: null,
    at: now.toISOString(),
  };
  await transaction(pool, async (db) => {
    for (const period of await runningCloses(db)) {
      await enqueue(db, closeWorkflowId(period), fact);
    }
    if ((await waitingEmails(db, 1)).length > 0) await enqueue(db, MAILER, fact);
  });
  await enqueueDisputes(pool);
  return enqueueReadingsOf(pool, (afterId, limit) => teamsToRead(pool, afterId, limit), {
    cause,
    at: now,
  });
}

const causeOf = (now: Date) => `resync:${now.toISOString()}`;
