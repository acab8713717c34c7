import { type Environment, readSettings } from '../config.js';
import { createPool, type Pool } from '../db/pool.js';

/** Lets a command use the ledger, and closes it behind it. */
export async function withLedger<T>(
  settings: () => Environment,
  use: (pool: Pool) => Promise<T>,
): Promise<T> {
  const { DATABASE_URL } = readSettings(settings(), ['DATABASE_URL']);
  const pool = createPool(DATABASE_URL, (error) => process.stderr.write(`${error.message}\n`));
  try {
    return await use(pool);
  } finally {
    await pool.end();
  }
}
