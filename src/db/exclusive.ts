import type { Pool } from './pool.js';

/**
 * Does `work` unless another does what has this key, here or in any other process; undefined: one does. The
 * lock is a session's: no transaction is open meanwhile (R35), and it ends with the process, however that ends.
 */
export async function exclusively<T>(
  pool: Pool,
  key: number,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const client = await pool.connect();
  // One that did not give its lock back is thrown away, and the lock with it.
  let isFree = false;
  try {
    const { rows } = await client.query<{ isHeld: boolean }>(
      'select pg_try_advisory_lock($1) as "isHeld"',
      [key],
    );
    if (!rows[0]?.isHeld) {
      isFree = true;
      return undefined;
    }
    try {
      return await work();
    } finally {
      await client.query('select pg_advisory_unlock($1)', [key]).then(
        () => {
          isFree = true;
        },
        () => {},
      );
    }
  } finally {
    client.release(!isFree);
  }
}
