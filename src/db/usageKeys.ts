import type { Page } from '../domain/page.js';
import type { Queryable } from './pool.js';
import type { UsageEvent } from './usageEvents.js';
import { receiptMonth } from './usagePartitions.js';

/** Stands for what an event `e` says, in whatever spelling; a correction also says of which period it is. */
const DIGEST = `hashtextextended(e.tokens || '|' || coalesce(extract(epoch from e.stated_at)::text, '')
  || '|' || e.metadata || '|' || coalesce(e.correction::text, ''), 0)`;

/** What identifies events and is compared with a repetition, a column each. */
function columnsOf(events: readonly UsageEvent[]): unknown[][] {
  return [
    events.map(({ teamId }) => teamId),
    events.map(({ idempotencyKey }) => idempotencyKey),
    events.map(({ tokens }) => tokens),
    events.map(({ statedAt }) => statedAt?.toISOString() ?? null),
    events.map(({ metadata }) => JSON.stringify(metadata)),
    events.map(({ correction, period }) =>
      correction === null ? null : JSON.stringify({ ...correction, period: period.id }),
    ),
  ];
}

/**
 * Claims the keys of events, which differ: those that nobody has used yet are given back (R9). Events of
 * teams that nobody knows are left out. Keys are claimed in one order, so that commits wait for each
 * other and never in a circle.
 */
export async function claimUsageKeys(
  db: Queryable,
  events: readonly UsageEvent[],
  receivedAt: Date,
): Promise<UsageEvent[]> {
  const { rows } = await db.query<{ count: number; keys: string[] | null }>({
    // Planned once a connection: planning takes longer than most commits.
    name: 'claim-usage-keys',
    // A subquery for a value stays a look into an index for each event, where `exists` may become a
    // join that reads all teams. Where all are new their number says so: lists are slow to read.
    text: `with claimed as (
             insert into tagih.usage_keys
               (team_id, idempotency_key, digest, occurred_at, billed_in, received_in)
             select e.team_id, e.idempotency_key, ${DIGEST}, e.occurred_at, e.billed_in, $9
               from unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::jsonb[],
                      $6::jsonb[], $7::timestamptz[], $8::text[])
                 as e (team_id, idempotency_key, tokens, stated_at, metadata, correction,
                      occurred_at, billed_in)
              where (select true from tagih.teams t where t.id = e.team_id)
              order by 1, 2
             on conflict do nothing
             returning team_id, idempotency_key
           )
           select count(*)::int as count,
                  case when count(*) < $10 then array_agg(team_id || ' ' || idempotency_key) end as keys
             from claimed`,
    values: [
      ...columnsOf(events),
      events.map(({ occurredAt }) => occurredAt.toISOString()),
      events.map(({ billedIn }) => billedIn),
      receiptMonth(receivedAt).start.toISOString().slice(0, 10),
      events.length,
    ],
  });
  const [{ count, keys } = { count: 0, keys: null }] = rows;
  if (count === events.length) return [...events];
  const claimed = new Set(keys);
  return events.filter(({ teamId, idempotencyKey }) => claimed.has(`${teamId} ${idempotencyKey}`));
}

export interface UsedKey {
  occurredAt: Date;
  billedIn: string;
  /** Whether it was claimed for the same (R9). */
  same: boolean;
}

/** What the keys of these events stand for, where they are claimed. */
export async function findUsageKeys(
  db: Queryable,
  events: readonly UsageEvent[],
): Promise<Map<UsageEvent, UsedKey>> {
  if (events.length === 0) return new Map();
  const { rows } = await db.query<UsedKey & { index: number }>(
    `select (e.n - 1)::int as index, k.occurred_at as "occurredAt", k.billed_in as "billedIn",
            k.digest = ${DIGEST} as same
       from unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::jsonb[], $6::jsonb[])
              with ordinality as e (team_id, idempotency_key, tokens, stated_at, metadata, correction, n)
       join tagih.usage_keys k using (team_id, idempotency_key)`,
    columnsOf(events),
  );
  return new Map(
    rows.flatMap(({ index, ...used }) => {
      const event = events[index];
      return event === undefined ? [] : [[event, used] as const];
    }),
  );
}

/** Forgets the keys of a range of teams whose events came in `month` (`YYYY-MM`, UTC) or before, and are dropped. */
export async function forgetUsageKeys(
  db: Queryable,
  month: string,
  { first, last }: Page,
): Promise<void> {
  await db.query(
    'delete from tagih.usage_keys where team_id between $1 and $2 and received_in <= $3',
    [first, last, `${month}-01`],
  );
}
