import type { Act, Hint, Mark } from '../domain/team.js';
import { subscriptionWorkflowId } from '../domain/workflowIds.js';
import type { Queryable } from './pool.js';

/** The channel on which processes hear that facts wait. */
export const OUTBOX_CHANNEL = 'tagih_outbox';

/** A fact as it travels: an id, a kind and what it names, never a payload of a customer. */
export type OutboxFact = Hint | Act;

/** Puts a fact on its way to a workflow, in the transaction that makes it true. */
export async function enqueue(db: Queryable, workflowId: string, fact: OutboxFact): Promise<void> {
  await db.query('insert into tagih.outbox (workflow_id, fact) values ($1, $2)', [
    workflowId,
    fact,
  ]);
  await db.query(`notify ${OUTBOX_CHANNEL}`);
}

/**
 * Teams that are asked to be read in a second. A reading is about three calls to Stripe, two of them lists:
 * this leaves most of its 100 a second, 25 for an endpoint, to events and payments.
 */
export const READINGS_PER_SECOND = 10;

/**
 * Asks for teams to be read at Stripe, one after the other at the pace of its budget, for a cause that tells
 * this asking from others. `object`: what the team may not know of yet, to be read with it. `before`: how
 * many were asked for in the same breath.
 */
export async function enqueueReadings(
  db: Queryable,
  readings: readonly { teamId: string; object: string | null }[],
  cause: string,
  at: Date,
  before: number,
): Promise<void> {
  if (readings.length === 0) return;
  // Not older than it is due: what waits for its turn is not late.
  await db.query(
    `insert into tagih.outbox (workflow_id, fact, created_at, claimed_until)
     select $3 || team.id, jsonb_build_object('kind', 'hint', 'id', $4 || ':' || team.id,
              'type', 'resync', 'object', team.object, 'at', $5::text), due.at, due.at
       from unnest($1::text[], $2::text[]) with ordinality as team (id, object, number)
         cross join lateral (
           select now() + make_interval(secs => ($6::int + number - 1)::float / $7) as at) due`,
    [
      readings.map(({ teamId }) => teamId),
      readings.map(({ object }) => object),
      subscriptionWorkflowId(''),
      cause,
      at.toISOString(),
      before,
      READINGS_PER_SECOND,
    ],
  );
  await db.query(`notify ${OUTBOX_CHANNEL}`);
}

export interface ClaimedFact {
  id: number;
  fact: OutboxFact;
}

/** Facts among which the next workflows are looked for: all of a long outbox would be read for each claim. */
const OLDEST = 500;

/**
 * Leases all waiting facts of up to `limit` workflows, but for `except`, until `leaseSeconds` from
 * now; not of so many where facts of few come first. Committed before Temporal is called: a relay that dies loses its lease and nothing else.
 */
export async function claimFacts(
  db: Queryable,
  limit: number,
  leaseSeconds: number,
  except: readonly string[],
): Promise<Map<string, ClaimedFact[]>> {
  const { rows } = await db.query<ClaimedFact & { workflowId: string }>(
    `update tagih.outbox set claimed_until = now() + make_interval(secs => $2)
      where id in (
        select id from tagih.outbox
         where claimed_until < now() and workflow_id in (
           select workflow_id from (
             select workflow_id, id from tagih.outbox
              where claimed_until < now() and workflow_id <> all($3) order by id limit ${OLDEST}) oldest
            group by workflow_id order by min(id) limit $1)
         for update skip locked)
      returning id, workflow_id as "workflowId", fact`,
    [limit, leaseSeconds, except],
  );
  return Map.groupBy(
    rows.toSorted((a, b) => a.id - b.id),
    ({ workflowId }) => workflowId,
  );
}

/**
 * How far events have been received: what is read from now on is later than all that they tell. Numbers
 * are given before their events are on disk, and never taken back.
 */
export async function receivedUpTo(db: Queryable): Promise<Mark> {
  const { rows } = await db.query<{ n: number; at: Date }>(
    `select case when is_called then last_value else 0 end as n, clock_timestamp() as at
       from tagih.outbox_id_seq`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error('a sequence has one row');
  return { n: row.n, at: row.at.toISOString() };
}

/** Facts that were signalled leave the outbox. */
export async function deleteFacts(db: Queryable, ids: readonly number[]): Promise<void> {
  await db.query('delete from tagih.outbox where id = any($1)', [ids]);
}

/** Facts that could not be signalled come up again, later each time: 1 s, 2 s, 4 s … at most 30 s. */
export async function postponeFacts(db: Queryable, ids: readonly number[]): Promise<void> {
  await db.query(
    `update tagih.outbox set attempts = attempts + 1,
        claimed_until = now() + make_interval(secs => least(30, 2 ^ least(attempts, 5)))
      where id = any($1)`,
    [ids],
  );
}
