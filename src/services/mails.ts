import { insertEmails, type NewEmail } from '../db/emails.js';
import { enqueue } from '../db/outbox.js';
import type { Queryable } from '../db/pool.js';
import type { Instant } from '../domain/instant.js';
import { MAILER } from '../domain/workflowIds.js';

/** Writes mails down and wakes the mailer, in the transaction that makes them true (R36); those that are new. */
export async function sendMails<T extends NewEmail>(
  db: Queryable,
  emails: readonly T[],
  at: Instant,
): Promise<Pick<T, 'teamId' | 'kind' | 'cause'>[]> {
  const inserted = await insertEmails(db, emails);
  const [first] = inserted;
  if (first === undefined) return [];
  const id = `mail:${first.teamId ?? 'operations'}:${first.kind}:${first.cause}`;
  await enqueue(db, MAILER, { kind: 'hint', id, type: `mail.${first.kind}`, object: null, at });
  return inserted;
}
