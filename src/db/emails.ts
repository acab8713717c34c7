import { textList, texts } from './lists.js';
import type { Queryable } from './pool.js';

interface Row {
  id: number;
  kind: string;
  cause: string;
  details: unknown;
}

/** To the admin of a team. */
export interface TeamEmail extends Row {
  teamId: string;
  teamName: string;
  adminEmail: string;
  hostedInvoiceUrl: string | null;
}

/** To operations: of no team. */
export interface OperationsEmail extends Row {
  teamId: null;
}

export type Email = TeamEmail | OperationsEmail;

export type NewEmail = Pick<Email, 'teamId' | 'kind' | 'cause'> & { details: object };

/** Mailers exclude each other by it: what one sends no other does. */
export const MAILER_LOCK = 7_469;

/** Writes mails down, each once for its team, kind and cause; those that are new (R36). */
export async function insertEmails<T extends NewEmail>(
  db: Queryable,
  emails: readonly T[],
): Promise<Pick<T, 'teamId' | 'kind' | 'cause'>[]> {
  const { rows } = await db.query<Pick<T, 'teamId' | 'kind' | 'cause'>>(
    `insert into tagih.emails (team_id, kind, cause, details)
     select * from unnest(${texts(1)}, ${texts(2)}, ${texts(3)}, ${texts(4)}::jsonb[])
     on conflict do nothing
     returning team_id as "teamId", kind, cause`,
    [
      textList(emails.map(({ teamId }) => teamId)),
      textList(emails.map(({ kind }) => kind)),
      textList(emails.map(({ cause }) => cause)),
      textList(emails.map(({ details }) => JSON.stringify(details))),
    ],
  );
  return rows;
}

/** The mails that wait, monthly summaries last, then oldest first, with where they go now. */
export async function waitingEmails(db: Queryable, limit: number): Promise<Email[]> {
  const { rows } = await db.query<Email>(
    `select e.id, e.team_id as "teamId", e.kind, e.cause, e.details, t.name as "teamName",
            t.admin_email as "adminEmail", l.hosted_invoice_url as "hostedInvoiceUrl"
       from tagih.emails e left join tagih.teams t on t.id = e.team_id
       left join tagih.invoice_links l on l.invoice_id = e.details->>'invoiceId'
      where e.sent_at is null and e.refused is null
      order by e.kind = 'monthly-summary', e.id limit $1`,
    [limit],
  );
  return rows;
}

/** What has not ended: of a mail that was withdrawn while it was on its way the end is told all the same. */
const isOpen = "sent_at is null and (refused is null or refused = 'withdrawn')";

/** Marks mails as sent, those that are not marked already. */
export async function markSent(db: Queryable, ids: readonly number[], at: Date): Promise<void> {
  await db.query(
    `update tagih.emails set sent_at = $2, refused = null where id = any($1) and ${isOpen}`,
    [ids, at],
  );
}

/** Marks a mail as refused for good, with the code of who refuses it. False: it is marked already. */
export async function markRefused(db: Queryable, id: number, code: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `update tagih.emails set refused = $2 where id = $1 and ${isOpen}`,
    [id, code],
  );
  return rowCount === 1;
}

/** Mails about an unpaid invoice that have not been sent are not to be, once that has ended (R26). */
export async function withdrawEmails(
  db: Queryable,
  teamId: string,
  invoiceId: string,
): Promise<void> {
  await db.query(
    `update tagih.emails set refused = 'withdrawn'
      where team_id = $1 and details->>'invoiceId' = $2 and kind <> 'payment-recovered'
        and sent_at is null and refused is null`,
    [teamId, invoiceId],
  );
}
