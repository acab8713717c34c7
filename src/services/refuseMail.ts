import { type Email, markRefused } from '../db/emails.js';
import { type Pool, transaction } from '../db/pool.js';
import { insertTimelineEntry } from '../db/timeline.js';

/** Marks a mail as refused for good, and shows it on the timeline of its team, where it has one, without the address (R36). */
export async function refuseMail(pool: Pool, email: Email, code: string, at: Date): Promise<void> {
  const { id, teamId, kind, cause } = email;
  await transaction(pool, async (db) => {
    if (!(await markRefused(db, id, code))) return;
    if (teamId === null) return;
    await insertTimelineEntry(db, teamId, at, {
      kind: 'mail_refused',
      summary: `${kind} was refused: ${code}`,
      cause,
      actor: 'tagih',
      details: { mail: kind, code },
    });
  });
}
