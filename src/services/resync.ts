import { enqueue, subscriptionWorkflowId } from '../db/outbox.js';
import { type Pool, transaction } from '../db/pool.js';
import { listTeams } from '../db/teams.js';
import { UnknownTeam } from './knownTeam.js';
import { enqueueDisputes } from './stripeEvents.js';

const PAGE = 500;

/**
 * Asks for a team, or for all that have a customer, to be read at Stripe; with all of them also for
 * the disputes whose customer is not known. The relay starts workflows that Temporal no longer has,
 * with what Postgres knows. The number of teams. Throws `UnknownTeam`.
 */
export async function enqueueResync(pool: Pool, teamId: string | null, now: Date): Promise<number> {
  let count = 0;
  let after = '';
  for (;;) {
    const page = await listTeams(pool, { teamId: teamId ?? undefined }, after, PAGE);
    const withCustomer = page.filter((team) => teamId !== null || team.stripeCustomerId !== null);
    await transaction(pool, async (db) => {
      for (const { id } of withCustomer) {
        const at = now.toISOString();
        const hint = { id: `resync:${id}:${at}`, type: 'resync', object: null, at };
        await enqueue(db, subscriptionWorkflowId(id), { kind: 'hint', ...hint });
      }
    });
    count += withCustomer.length;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) break;
    after = last.id;
  }
  if (teamId === null) await enqueueDisputes(pool);
  if (teamId !== null && count === 0) throw new UnknownTeam(teamId);
  return count;
}
