import type { Client } from '@temporalio/client';
import type { Pool } from '../db/pool.js';
import { insertTimelineEntryOnce } from '../db/timeline.js';
import type { Act } from '../domain/team.js';
import { refusalIn, sendAct } from '../services/acts.js';
import { knownTeam } from '../services/knownTeam.js';

/**
 * Sends an act that no worker took while its operator waited. That it is refused is noted on the team's
 * timeline, for nobody waits for the answer any more (R31). Throws where it was neither done nor refused.
 */
export async function deliverAct(
  client: Client,
  pool: Pool,
  taskQueue: string,
  teamId: string,
  act: Act,
): Promise<void> {
  const { state } = await knownTeam(pool, teamId);
  try {
    const update = await sendAct(client, taskQueue, state, act);
    await update.result();
  } catch (error) {
    const refused = refusalIn(error);
    if (refused === undefined) throw error;
    const { id, action, actor, invoiceId } = act;
    await insertTimelineEntryOnce(pool, teamId, new Date(), {
      kind: 'act_refused',
      summary: `${action} was refused. ${refused.message}`,
      cause: id,
      actor,
      details: { action, invoiceId, code: refused.code },
    });
  }
}
