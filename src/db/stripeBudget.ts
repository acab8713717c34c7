import type { Queryable } from './pool.js';

/**
 * Reserves the next `count` requests to an endpoint, evenly spaced at `perSecond`, for all who ask this
 * ledger. In how many milliseconds the first of them may go.
 */
export async function reserveRequests(
  db: Queryable,
  endpoint: string,
  perSecond: number,
  count: number,
): Promise<number> {
  const { rows } = await db.query<{ wait: number }>(
    `insert into tagih.stripe_budget as budget (endpoint, free_at)
     values ($1, clock_timestamp() + make_interval(secs => $2))
     on conflict (endpoint) do update
       set free_at = greatest(budget.free_at, clock_timestamp()) + make_interval(secs => $2)
     returning extract(epoch from free_at - clock_timestamp()) * 1000 as wait`,
    [endpoint, count / perSecond],
  );
  return Math.max(0, Number(rows[0]?.wait) - (1_000 * count) / perSecond);
}
