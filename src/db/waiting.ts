import type { Queryable } from './pool.js';

export interface Waiting {
  facts: number;
  /** Age of the fact that waits longest; 0 without any. */
  oldestSeconds: number;
  workflowsFailing: number;
  parkedEvents: number;
}

/** What waits for Temporal, and what waits for a team. */
export async function countWaiting(db: Queryable): Promise<Waiting> {
  const { rows } = await db.query<Waiting>(
    `select count(*)::int as facts,
            coalesce(extract(epoch from now() - min(created_at)), 0)::float as "oldestSeconds",
            (count(distinct workflow_id) filter (where attempts > 0))::int as "workflowsFailing",
            (select count(*)::int from tagih.stripe_events
              where team_id is null and not ignored) as "parkedEvents"
       from tagih.outbox`,
  );
  const [waiting] = rows;
  if (waiting === undefined) throw new Error('an aggregate has one row');
  return waiting;
}
