import type { Hint } from '../domain/team.js';
import type { Queryable } from './pool.js';

export interface StripeEvent {
  id: string;
  type: string;
  apiVersion: string | null;
  objectId: string | null;
  teamHint: string | null;
  customerId: string | null;
  ignored: boolean;
  createdAt: Date;
}

/** The team that an event names, else the team of its customer (R18). */
export async function teamOfEvent(
  db: Queryable,
  event: Pick<StripeEvent, 'teamHint' | 'customerId'>,
): Promise<string | undefined> {
  const { rows } = await db.query<{ id: string }>(
    `select id from tagih.teams where id = $1 or stripe_customer_id = $2
      order by id = $1 desc limit 1`,
    [event.teamHint ?? '', event.customerId],
  );
  return rows[0]?.id;
}

/** Which events were new, and which are of a team that nobody knows; by their ids. */
export interface Inserted {
  stored: Set<string>;
  ofNobody: Set<string>;
}

/**
 * Stores those events, of ids that differ, that are new (R17), each with its fact for the team that it
 * names, else for the team of its customer (R18), numbered for `receivedUpTo`. Those of nobody are parked,
 * or left out.
 */
export async function insertStripeEvents(
  db: Queryable,
  events: readonly (StripeEvent & { fact: Hint })[],
  unknown: 'leave' | 'park',
): Promise<Inserted> {
  const { rows } = await db.query<{ id: string; stored: boolean }>({
    // Planned once a connection: planning takes longer than most commits.
    name: 'insert-stripe-events',
    text: INSERT,
    // As one JSON: what events name may hold any character, and lists separate theirs by one.
    values: [JSON.stringify(events), unknown === 'park'],
  });
  const ids = (stored: boolean) =>
    new Set(rows.filter((row) => row.stored === stored).map(({ id }) => id));
  return { stored: ids(true), ofNobody: ids(false) };
}

const INSERT = `
  with delivered as (
    select e.*, case when not ignored then coalesce(
             (select t.id from tagih.teams t where t.id = e."teamHint"),
             (select t.id from tagih.teams t where t.stripe_customer_id = e."customerId")) end as team_id
      from json_to_recordset($1) as e (id text, type text, "apiVersion" text, "objectId" text,
        "teamHint" text, "customerId" text, ignored boolean, "createdAt" timestamptz, fact jsonb)
  ), stored as (
    insert into tagih.stripe_events
      (id, type, api_version, object_id, team_hint, customer_id, ignored, created_at, team_id)
    select id, type, "apiVersion", "objectId", "teamHint", "customerId", ignored, "createdAt", team_id
      from delivered where ignored or team_id is not null or $2
    on conflict do nothing
    returning id, team_id
  ), told as (
    insert into tagih.outbox (id, workflow_id, fact) overriding system value
    select n, 'subscription:' || team_id, fact || jsonb_build_object('n', n)
      from (select stored.team_id, delivered.fact, nextval('tagih.outbox_id_seq') as n
              from stored join delivered using (id) where stored.team_id is not null) numbered
  )
  select id, true as stored from stored
  union all
  select id, false from delivered where team_id is null and not ignored`;

/** Any number: it stands for the parking of events alone. */
const PARKING_LOCK = 7_468;

/** Until the transaction ends no team appears and no customer is assigned (R18). */
export async function holdTeams(db: Queryable): Promise<void> {
  await db.query('select pg_advisory_xact_lock_shared($1)', [PARKING_LOCK]);
}

/** Until the transaction ends no event is parked (R18). */
export async function holdParking(db: Queryable): Promise<void> {
  await db.query('select pg_advisory_xact_lock($1)', [PARKING_LOCK]);
}

export type NamedEvent = Pick<StripeEvent, 'id' | 'type' | 'objectId' | 'createdAt'>;

const named = 'e.id, e.type, e.object_id as "objectId", e.created_at as "createdAt"';

/** Assigns the parked events of a team that has appeared, and gives them back, oldest first. */
export async function adoptParkedEvents(db: Queryable, teamId: string): Promise<NamedEvent[]> {
  const { rows } = await db.query<NamedEvent>(
    `update tagih.stripe_events e set team_id = t.id
       from tagih.teams t
      where t.id = $1 and e.team_id is null and not e.ignored
        and (e.team_hint = t.id or e.customer_id = t.stripe_customer_id)
      returning ${named}`,
    [teamId],
  );
  return rows.toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
}

/** The parked events of these types whose customer is not known either. */
export async function parkedWithoutCustomer(
  db: Queryable,
  types: readonly string[],
): Promise<NamedEvent[]> {
  const { rows } = await db.query<NamedEvent>(
    `select ${named} from tagih.stripe_events e
      where e.team_id is null and not e.ignored and e.type = any($1) and e.customer_id is null`,
    [types],
  );
  return rows;
}

/** The object that an event is about, where it names one. */
export async function objectOfEvent(db: Queryable, id: string): Promise<string | null> {
  const { rows } = await db.query<{ objectId: string | null }>(
    'select object_id as "objectId" from tagih.stripe_events where id = $1',
    [id],
  );
  return rows[0]?.objectId ?? null;
}

/** Notes the customer of an event that named none. */
export async function nameCustomer(db: Queryable, id: string, customerId: string): Promise<void> {
  await db.query('update tagih.stripe_events set customer_id = $2 where id = $1', [id, customerId]);
}

/** Notes of a team's events that its workflow has taken them. */
export async function markTaken(
  db: Queryable,
  teamId: string,
  ids: readonly string[],
  at: Date,
): Promise<void> {
  await db.query(
    `update tagih.stripe_events set taken_at = $3
      where id = any($2) and team_id = $1 and taken_at is null`,
    [teamId, ids, at],
  );
}

export const eventStatuses = ['parked', 'waiting', 'delivered'] as const;

export type EventStatus = (typeof eventStatuses)[number];

export interface ListedEvent {
  id: string;
  type: string;
  objectId: string | null;
  customerId: string | null;
  teamId: string | null;
  receivedAt: Date;
}

/** Conditions on an event `e`: without a team, with a fact that Temporal has not taken, with none. */
const isWaiting = `e.team_id is not null and exists (select from tagih.outbox o
  where o.workflow_id = 'subscription:' || e.team_id and o.fact->>'id' = e.id)`;
const conditions: Readonly<Record<EventStatus, string>> = {
  parked: 'e.team_id is null and not e.ignored',
  waiting: isWaiting,
  delivered: `e.team_id is not null and not (${isWaiting})`,
};

/** Events of one status, oldest first, those after the cursor (R18). */
export async function listStripeEvents(
  db: Queryable,
  status: EventStatus,
  after: { receivedAt: Date; id: string } | null,
  limit: number,
): Promise<ListedEvent[]> {
  const { rows } = await db.query<ListedEvent>(
    `select e.id, e.type, e.object_id as "objectId", e.customer_id as "customerId",
            e.team_id as "teamId", e.received_at as "receivedAt"
       from tagih.stripe_events e
      where ${conditions[status]} and ($1::timestamptz is null
         or (date_trunc('milliseconds', e.received_at), e.id) > ($1, $2))
      order by date_trunc('milliseconds', e.received_at), e.id limit $3`,
    [after?.receivedAt ?? null, after?.id ?? '', limit],
  );
  return rows;
}
