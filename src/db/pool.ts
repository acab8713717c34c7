import pg from 'pg';

export type Pool = pg.Pool;

/** A pool, or the connection of a transaction. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

/** int8 as a number where that is exact; tokens and minor units stay far below 2^53. */
function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`int8 beyond 2^53: ${text}`);
  return value;
}

/**
 * A pool of connections to the ledger. `onIdleError` hears of connections that break while unused;
 * `settings` are those of `pg`.
 */
export function createPool(
  databaseUrl: string,
  onIdleError: (error: Error) => void,
  settings: pg.PoolConfig = {},
): Pool {
  const types = {
    getTypeParser: (oid: number, format?: 'text' | 'binary') =>
      oid === pg.types.builtins.INT8 ? parseInt8 : pg.types.getTypeParser(oid, format as 'text'),
  };
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: 10,
    // A caller is told 503 rather than left waiting for a database that is away.
    connectionTimeoutMillis: 5_000,
    types: types as pg.CustomTypesConfig,
    ...settings,
  });
  // Without a listener a connection that Postgres closes would end the process.
  pool.on('error', onIdleError);
  // Between the pool's hands and the user's there is a moment in which nobody else listens.
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/**
 * One transaction, rolled back when `work` throws. It is given up after 30 s, so that nothing
 * commits long after it read the clock (R38).
 */
export async function transaction<T>(pool: Pool, work: (db: Queryable) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // Of a connection in use the pool hears nothing: without a listener its loss would end the process.
  const lost = (error: Error) => {
    broken = error;
  };
  client.on('error', lost);
  try {
    // Not waited for: it goes with the first statement, which fails where it fails.
    const begun = client.query("begin; set local transaction_timeout = '30s'");
    begun.catch(() => {});
    const result = await work(client);
    await begun;
    await client.query('commit');
    return result;
  } catch (error) {
    // A connection that gave no answer is not waited for again: it is thrown away, and Postgres rolls back.
    if (isUnavailable(error)) broken = error;
    else await client.query('rollback').catch(lost);
    throw error;
  } finally {
    client.off('error', lost);
    client.release(broken);
  }
}

/** Several reads of the ledger as it is at one moment. */
export function snapshot<T>(pool: Pool, read: (db: Queryable) => Promise<T>): Promise<T> {
  return transaction(pool, async (db) => {
    await db.query('set transaction isolation level repeatable read, read only');
    return read(db);
  });
}

/** Connection refused, broken or timed out, or Postgres shutting down (class 57, 08). */
const AWAY_CODE = /^(57P0|08|53300|25P0[34]|ECONN|EPIPE|ENOTFOUND|ETIMEDOUT)/;
/** What `pg` says of connections without a code. */
const AWAY_MESSAGE =
  /^(timeout exceeded when trying|Connection terminated|Client has encountered a connection error|Query read timeout)/;

/** Whether an error says that Postgres can't be reached, and nothing of what was asked. */
export function isUnavailable(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return AWAY_CODE.test(code) || AWAY_MESSAGE.test(error.message);
}
