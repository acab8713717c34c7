import type { PlanId } from '../domain/plans.js';
import type { Strike, SubscriptionStatus } from '../domain/subscription.js';
import { newTeam, type TeamState } from '../domain/team.js';
import type { Queryable } from './pool.js';

export interface TeamRow {
  id: string;
  name: string;
  adminEmail: string;
  stripeCustomerId: string | null;
  tier: PlanId;
  subscriptionStatus: SubscriptionStatus;
  strike: Strike;
  state: TeamState;
}

interface Columns extends Omit<TeamRow, 'state'> {
  state: TeamState | null;
}

const columns = `id, name, admin_email as "adminEmail", stripe_customer_id as "stripeCustomerId",
  tier, subscription_status as "subscriptionStatus", strike, state`;

const fromColumns = (row: Columns): TeamRow => ({
  ...row,
  state: row.state ?? newTeam(row.id, row.stripeCustomerId),
});

export async function findTeam(db: Queryable, teamId: string): Promise<TeamRow | undefined> {
  const { rows } = await db.query<Columns>(`select ${columns} from tagih.teams where id = $1`, [
    teamId,
  ]);
  return rows[0] && fromColumns(rows[0]);
}

export interface TeamFilter {
  teamId?: string | undefined;
  tier?: PlanId | undefined;
  subscriptionStatus?: SubscriptionStatus | undefined;
  strike?: Strike | undefined;
}

/** Teams in the order of their ids, those after `afterId`. */
export async function listTeams(
  db: Queryable,
  filter: TeamFilter,
  afterId: string,
  limit: number,
): Promise<TeamRow[]> {
  const { rows } = await db.query<Columns>(
    `select ${columns} from tagih.teams
      where id > $1 and ($2::text is null or id = $2) and ($3::text is null or tier = $3)
        and ($4::text is null or subscription_status = $4) and ($5::int is null or strike = $5)
      order by id limit $6`,
    [
      afterId,
      filter.teamId ?? null,
      filter.tier ?? null,
      filter.subscriptionStatus ?? null,
      filter.strike ?? null,
      limit,
    ],
  );
  return rows.map(fromColumns);
}

/** Ids of teams in their order, those after `afterId`. */
export async function teamIds(db: Queryable, afterId: string, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    'select id from tagih.teams where id > $1 order by id limit $2',
    [afterId, limit],
  );
  return rows.map(({ id }) => id);
}

/**
 * Teams that there may be something to read of at Stripe, in the order of their ids, those after
 * `afterId`: that have a customer, or whose workflow has written a state. A subscription can come by its
 * metadata, on a customer that is another team's.
 */
export async function teamsToRead(
  db: Queryable,
  afterId: string,
  limit: number,
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select id from tagih.teams
      where id > $1 and (stripe_customer_id is not null or state is not null)
      order by id limit $2`,
    [afterId, limit],
  );
  return rows.map(({ id }) => id);
}

/** Creates the team or updates it; a customer that is not named stays as it is. */
export async function putTeam(
  db: Queryable,
  team: { id: string; name: string; adminEmail: string; stripeCustomerId: string | null },
): Promise<{ created: boolean }> {
  const { rows } = await db.query<{ created: boolean }>(
    `insert into tagih.teams as t (id, name, admin_email, stripe_customer_id)
     values ($1, $2, $3, $4)
     on conflict (id) do update set name = excluded.name, admin_email = excluded.admin_email,
       stripe_customer_id = coalesce(excluded.stripe_customer_id, t.stripe_customer_id),
       updated_at = now()
     returning xmax = 0 as created`,
    [team.id, team.name, team.adminEmail, team.stripeCustomerId],
  );
  return { created: rows[0]?.created ?? false };
}

/**
 * Writes a team's state and what is searched by. Whether it was a newer turn than the one written:
 * a repeated or late write changes nothing.
 */
export async function saveTeamState(
  db: Queryable,
  state: TeamState,
  derived: Pick<TeamRow, 'subscriptionStatus' | 'strike'>,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `update tagih.teams t
        set state = $2, turn = $3, tier = $4, subscription_status = $5, strike = $6,
            stripe_customer_id = coalesce(stripe_customer_id, (
              select $7::text where not exists (
                select from tagih.teams where stripe_customer_id = $7))),
            updated_at = now()
      where id = $1 and turn < $3`,
    [
      state.teamId,
      state,
      state.turn,
      state.tier,
      derived.subscriptionStatus,
      derived.strike,
      state.customerId,
    ],
  );
  return rowCount === 1;
}
