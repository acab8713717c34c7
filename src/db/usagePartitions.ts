import type { Queryable } from './pool.js';

/** Any number: it stands for changes of partitions alone. */
const PARTITIONS_LOCK = 7_470;

/** Months that have their partition before they begin, so that none is made while usage waits for it. */
const AHEAD = 3;

/** The month of receipt, in UTC, that a usage event's partition is for. */
export function receiptMonth(instant: Date, ahead = 0): { id: string; start: Date; end: Date } {
  const [year, month] = [instant.getUTCFullYear(), instant.getUTCMonth() + ahead];
  const start = new Date(Date.UTC(year, month));
  return { id: start.toISOString().slice(0, 7), start, end: new Date(Date.UTC(year, month + 1)) };
}

const tableOf = (month: string) => `tagih.usage_events_${month.replace('-', '_')}`;

/** Makes the partitions from the month of `now` on that are missing, in a transaction; whoever inserts is not held up. */
export async function makeUsagePartitions(db: Queryable, now: Date): Promise<void> {
  await db.query('select pg_advisory_xact_lock($1)', [PARTITIONS_LOCK]);
  for (let ahead = 0; ahead <= AHEAD; ahead += 1) {
    const { id, start, end } = receiptMonth(now, ahead);
    const table = tableOf(id);
    const { rowCount } = await db.query('select where to_regclass($1) is not null', [table]);
    if (rowCount === 1) continue;
    // Attached when it is whole: `partition of` would lock out all who insert.
    await db.query(`create table ${table} (like tagih.usage_events)`);
    await db.query(
      `alter table tagih.usage_events attach partition ${table}
         for values from ('${start.toISOString()}') to ('${end.toISOString()}')`,
    );
  }
}

/**
 * Drops the partitions of months that ended before `since`, the oldest first, up to one of which a
 * period is not sealed: its events are still to be counted. The months that were dropped.
 */
export async function dropUsagePartitions(db: Queryable, since: Date): Promise<string[]> {
  await db.query('select pg_advisory_xact_lock($1)', [PARTITIONS_LOCK]);
  // Whoever reads or writes usage is waited for two seconds at most, and kept waiting no longer.
  await db.query(`set local lock_timeout = '2s'`);
  const { rows } = await db.query<{ month: string }>(
    `select replace(right(inhrelid::regclass::text, 7), '_', '-') as month from pg_inherits
      where inhparent = 'tagih.usage_events'::regclass order by month`,
  );
  const dropped: string[] = [];
  for (const { month } of rows) {
    const { end } = receiptMonth(new Date(`${month}-01`));
    if (end > since) break;
    // Events of the next period are in it, too: the billing time zone may be ahead of UTC.
    const next = receiptMonth(end).id;
    const { rowCount } = await db.query(
      `select from tagih.usage_totals t
        where t.period <= $1 and not exists (select from tagih.seals s where s.period = t.period)
        limit 1`,
      [next],
    );
    if (rowCount !== 0) break;
    await db.query(`drop table ${tableOf(month)}`);
    dropped.push(month);
  }
  return dropped;
}
