import type pg from 'pg';
import type { LoadResult } from './load/load.js';

export type EventTable = 'usage_events' | 'stripe_events';

export async function countEvents(ledger: pg.Pool, table: EventTable): Promise<number> {
  const { rows } = await ledger.query<{ events: string }>(
    `select count(*) as events from ${table}`,
  );
  return Number(rows[0]?.events);
}

/**
 * Compares how many rows are new with what was answered: every acknowledged event is one, and beside
 * them at most those that waited for an answer when the load ended. Throws when that is not so.
 */
export async function verifyCount(
  ledger: pg.Pool,
  table: EventTable,
  eventsBefore: number,
  { acknowledged, inFlight }: Pick<LoadResult, 'acknowledged' | 'inFlight'>,
): Promise<void> {
  const rows = (await countEvents(ledger, table)) - eventsBefore;
  if (rows >= acknowledged && rows <= acknowledged + inFlight) return;
  const answered = `${acknowledged} were acknowledged and ${inFlight} under way`;
  throw new Error(`On disk are ${rows} new events, but ${answered}.`);
}

/**
 * Compares what is on disk with what was answered: every acknowledged event is a row, and beside
 * them at most those that waited for an answer when the load ended; each total is the sum of its
 * events; no answer showed a total above the one on disk. Throws when any of that is not so.
 */
export async function verify(
  ledger: pg.Pool,
  eventsBefore: number,
  { acknowledged, inFlight, highest }: Pick<LoadResult, 'acknowledged' | 'inFlight' | 'highest'>,
): Promise<void> {
  await verifyCount(ledger, 'usage_events', eventsBefore, { acknowledged, inFlight });
  const sums = await ledger.query(
    `select team_id, period, e.tokens as events, t.used_tokens as total
       from (select team_id, period, sum(tokens) as tokens from usage_events group by 1, 2) e
       full join usage_totals t using (team_id, period)
      where e.tokens is distinct from t.used_tokens`,
  );
  refuse('totals are not the sum of their events', sums.rows);
  const shown = await ledger.query(
    `select team_id, shown, max(t.used_tokens) as total
       from unnest($1::text[], $2::bigint[]) as a (team_id, shown)
       left join usage_totals t using (team_id)
      group by team_id, shown
     having shown > coalesce(max(t.used_tokens), 0)`,
    [highest.map(([teamId]) => teamId), highest.map(([, usedTokens]) => usedTokens)],
  );
  refuse('answers showed more than is on disk', shown.rows);
}

function refuse(what: string, rows: unknown[]): void {
  if (rows.length === 0) return;
  throw new Error(`${rows.length} ${what}, such as ${JSON.stringify(rows[0])}`);
}
