import type { Instant } from '../domain/instant.js';
import type { Listed } from '../domain/reconciliation.js';
import { newTeam, type TeamState } from '../domain/team.js';
import type { Queryable } from './pool.js';

export interface ReconciledTeam {
  id: string;
  stripeCustomerId: string | null;
  state: TeamState;
  /** Something was told of it and is not in its state yet, or this run has found it already. */
  isBusy: boolean;
}

/** How long a team's events may be on their way before the reconciliation does not wait for them any more. */
const UNDER_WAY = '15 minutes';

/** The teams that have one of these subscriptions or their customers, or that they name. */
export async function teamsOfListed(
  db: Queryable,
  listed: readonly Listed[],
  cause: string,
): Promise<ReconciledTeam[]> {
  const { rows } = await db.query<Omit<ReconciledTeam, 'state'> & { state: TeamState | null }>(
    `select t.id, t.stripe_customer_id as "stripeCustomerId", t.state,
            coalesce(t.state->'reading' <> 'null' or t.state->'wanted' <> 'null', false)
            or exists (select from tagih.outbox where workflow_id = 'subscription:' || t.id)
            or exists (select from tagih.stripe_events e
                 where e.team_id = t.id and not e.ignored
                   and e.received_at > now() - interval '${UNDER_WAY}'
                   and e.taken_at is null and (t.state is null or not t.state->'seen' ? e.id))
            or exists (select from tagih.timeline l
                 where l.team_id = t.id and l.kind = 'reconciled' and l.cause = $4 || ':' || t.id)
              as "isBusy"
       from tagih.teams t
      where t.id = any($1) or t.stripe_customer_id = any($2)
         or t.state->'subscription'->>'id' = any($3)`,
    [
      listed.map(({ teamHint }) => teamHint),
      listed.map(({ subscription }) => subscription.customerId),
      listed.map(({ subscription }) => subscription.id),
      cause,
    ],
  );
  return rows.map((row) => ({ ...row, state: row.state ?? newTeam(row.id, row.stripeCustomerId) }));
}

/** Notes of teams that the run of `at` has listed the subscription that they have. */
export async function markReconciled(
  db: Queryable,
  teamIds: readonly string[],
  at: Date,
): Promise<void> {
  await db.query('update tagih.teams set reconciled_at = $2 where id = any($1)', [teamIds, at]);
}

/** An event that no webhook brings stands for each of these subscriptions. */
const eventId = "'reconcile:' || ";

/**
 * Parks an event of our own for each of these subscriptions, to be seen and adopted as Stripe's are
 * (R18), unless one that names it is parked already.
 */
export async function parkUnknown(
  db: Queryable,
  unknown: readonly Listed[],
  at: Date,
): Promise<void> {
  const rows = unknown.map(({ subscription: { id, customerId }, teamHint }) => ({
    id,
    customerId,
    teamHint,
  }));
  await db.query(
    `insert into tagih.stripe_events
       (id, type, object_id, team_hint, customer_id, ignored, created_at)
     select ${eventId} u.id, 'tagih.unknown_subscription', u.id, u."teamHint", u."customerId", false, $2
       from jsonb_to_recordset($1) as u (id text, "customerId" text, "teamHint" text)
      where not exists (
        select from tagih.stripe_events e
         where e.team_id is null and not e.ignored and e.object_id = u.id
           and e.id <> ${eventId} u.id)
     on conflict (id) do update
       set team_hint = excluded.team_hint, customer_id = excluded.customer_id
      where stripe_events.team_id is null`,
    [JSON.stringify(rows), at],
  );
}

/** Takes back what was parked for subscriptions that have ended, or have found their team otherwise. */
export async function unparkKnown(db: Queryable, known: readonly Listed[]): Promise<void> {
  await db.query(
    `delete from tagih.stripe_events e using unnest($1::text[]) as known (id)
      where e.id = ${eventId} known.id and e.team_id is null`,
    [known.map(({ subscription }) => subscription.id)],
  );
}

/**
 * Teams to be read though no difference was found, those after `afterId`: whose live subscription the run
 * of `at` has not listed, and those of which a timer or a call is to come, lest a workflow that somebody
 * has terminated stay away.
 */
export async function teamsToLookAfter(
  db: Queryable,
  at: Instant,
  afterId: string,
  limit: number,
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select id from tagih.teams t cross join lateral (
       select state->'subscription'->>'status' as status,
              state->'subscription'->>'startedAt' as since) of
      where id > $2 and (
        state->'reading' <> 'null' or state->'wanted' <> 'null' or state->'settling' <> 'null'
        or state->'ladders' <> '[]' or state->'holds' <> '[]' or state->'writeOffs' <> '[]'
        or of.status = 'trialing'
        or of.status not in ('canceled', 'incomplete_expired') and of.since < $1
           and coalesce(reconciled_at < $1::timestamptz, true))
      order by id limit $3`,
    [at, afterId, limit],
  );
  return rows.map(({ id }) => id);
}
