import type { Queryable } from './pool.js';

/** Remembers where an invoice of the team is paid. */
export async function putInvoiceLink(
  db: Queryable,
  teamId: string,
  invoiceId: string,
  url: string,
): Promise<void> {
  await db.query(
    `insert into tagih.invoice_links (invoice_id, team_id, hosted_invoice_url) values ($1, $2, $3)
     on conflict (invoice_id) do update set hosted_invoice_url = excluded.hosted_invoice_url`,
    [invoiceId, teamId, url],
  );
}

/** The links that are known, by invoice id. */
export async function invoiceLinks(
  db: Queryable,
  invoiceIds: readonly string[],
): Promise<Map<string, string>> {
  const { rows } = await db.query<{ id: string; url: string }>(
    `select invoice_id as id, hosted_invoice_url as url
       from tagih.invoice_links where invoice_id = any($1)`,
    [invoiceIds],
  );
  return new Map(rows.map(({ id, url }) => [id, url]));
}
