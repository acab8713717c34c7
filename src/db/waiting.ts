import type { Queryable } from './pool.js';

export interface Waiting {
  facts: number;
  /** Age of the fact that waits longest; 0 without any. */
  oldestSeconds: number;
  workflowsFailing: number;
  parkedEvents: number;
  /** Unpaid invoices that Stripe refused to try, and that wait for a fact or an operator (R28). */
  stoppedAttempts: number;
  /** Records that Stripe has refused, of all months. */
  failedRecords: number;
}

/** What waits for Temporal, for a team, and for an operator. */
export async function countWaiting(db: Queryable): Promise<Waiting> {
  const { rows } = await db.query<Waiting>(
    `select count(*)::int as facts,
            -- What waits for its turn in Stripe's budget counts from then.
            greatest(0, extract(epoch from now() - min(created_at)))::float as "oldestSeconds",
            (count(distinct workflow_id) filter (where attempts > 0))::int as "workflowsFailing",
            (select count(*)::int from tagih.stripe_events
              where team_id is null and not ignored) as "parkedEvents",
            -- Only what has a strike is tried, so the index on those finds all that is stopped.
            (select count(*)::int
               from tagih.teams t, jsonb_path_query(t.state, '$.ladders[*].stopped ? (@ != null)')
              where t.strike > 0) as "stoppedAttempts",
            (select count(*)::int from tagih.usage_billings
              where status = 'failed') as "failedRecords"
       from tagih.outbox`,
  );
  const [waiting] = rows;
  if (waiting === undefined) throw new Error('an aggregate has one row');
  return waiting;
}
