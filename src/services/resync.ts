import { runningCloses } from '../db/closes.js';
import { waitingEmails } from '../db/emails.js';
import { closeWorkflowId, enqueue, enqueueReadings, MAILER } from '../db/outbox.js';
import { type Pool, transaction } from '../db/pool.js';
import { teamsToRead } from '../db/teams.js';
import { knownTeam } from './knownTeam.js';
import { enqueueDisputes } from './stripeEvents.js';

const PAGE = 500;

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
  const at = now.toISOString();
  const cause = causeOf(now);
  await transaction(pool, async (db) => {
    for (const period of await runningCloses(db)) {
      const fact = { kind: 'hint' as const, id: cause, type: 'resync', object: null, at };
      await enqueue(db, closeWorkflowId(period), fact);
    }
    if ((await waitingEmails(db, 1)).length > 0) {
      await enqueue(db, MAILER, { kind: 'hint', id: cause, type: 'resync', object: null, at });
    }
  });
  await enqueueDisputes(pool);
  let count = 0;
  let after = '';
  for (;;) {
    const ids = await teamsToRead(pool, after, PAGE);
    const readings = ids.map((teamId) => ({ teamId, object: null }));
    await transaction(pool, (db) => enqueueReadings(db, readings, cause, now, count));
    count += ids.length;
    const last = ids.at(-1);
    if (last === undefined || ids.length < PAGE) return count;
    after = last;
  }
}

const causeOf = (now: Date) => `resync:${now.toISOString()}`;
