import type { Queryable } from './pool.js';

/** First half of the advisory locks' key: what they are for; the second is the period. */
const SEAL_LOCKS = 7_467;

/**
 * Whether the period is sealed. It stays as it is until the transaction ends: a seal waits for
 * all that hold this lock (R38).
 */
export async function isSealed(db: Queryable, period: string): Promise<boolean> {
  await db.query('select pg_advisory_xact_lock_shared($1, hashtext($2))', [SEAL_LOCKS, period]);
  const { rowCount } = await db.query('select from tagih.seals where period = $1', [period]);
  return rowCount === 1;
}

/**
 * Seals the period, after the commits that were under way; one that is sealed stays so (R38). Not before `at`,
 * and not before it is done: a worker may come to it days after it was asked to, and what was committed
 * until then is in the period's record.
 */
export async function seal(db: Queryable, period: string, at: Date): Promise<void> {
  await db.query('select pg_advisory_xact_lock($1, hashtext($2))', [SEAL_LOCKS, period]);
  await db.query(
    'insert into tagih.seals (period, sealed_at) values ($1, greatest($2, clock_timestamp())) on conflict do nothing',
    [period, at],
  );
}
