import { afterAll, beforeAll, vi } from 'vitest';
import { createPool, type Pool } from '../../src/db/pool.js';
import type { DunningPolicy } from '../../src/domain/dunning.js';
import { createDatabase, type Database } from './database.js';
import { DAY, HOUR } from './stripeSide.js';

/** As the product comes. */
export const policy: Required<DunningPolicy> = {
  intervals: [3 * DAY * 1_000, 5 * DAY * 1_000],
  confirmationWindow: 23 * HOUR * 1_000,
  retries: 'tagih',
  looks: true,
  keepsCards: true,
};

/** A ledger for the teams that a file drives directly (`Direct`), where time passes as it does at Stripe (`StripeSide`). */
export function directLedger(): { readonly pool: Pool } {
  let database: Database | undefined;
  let pool: Pool | undefined;
  beforeAll(async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    database = await createDatabase();
    pool = createPool(database.url, () => {});
  });
  afterAll(async () => {
    vi.useRealTimers();
    await pool?.end();
    await database?.drop();
  });
  return {
    get pool() {
      if (pool === undefined) throw new Error('the ledger is there as soon as the tests run');
      return pool;
    },
  };
}
