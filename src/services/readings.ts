import { enqueueReadings } from '../db/outbox.js';
import { type Pool, transaction } from '../db/pool.js';

/** Teams whose readings are asked for in one statement. */
const PAGE = 500;

/**
 * Asks for teams to be read at Stripe (R16), page by page in the order of their ids: `idsAfter` finds those
 * after an id. `cause` tells this asking from others, `before` is how many were asked for in the same
 * breath, `onPage` hears of each page. How many there were.
 */
export async function enqueueReadingsOf(
  pool: Pool,
  idsAfter: (afterId: string, limit: number) => Promise<string[]>,
  { cause, at, before = 0 }: { cause: string; at: Date; before?: number },
  onPage: () => void = () => {},
): Promise<number> {
  let count = 0;
  let after: string | undefined = '';
  while (after !== undefined) {
    const ids: string[] = await idsAfter(after, PAGE);
    const readings = ids.map((teamId) => ({ teamId, object: null }));
    await transaction(pool, (db) => enqueueReadings(db, readings, cause, at, before + count));
    count += ids.length;
    onPage();
    after = ids.length < PAGE ? undefined : ids.at(-1);
  }
  return count;
}
