import type { Page } from '../domain/page.js';
import type { UsageEvent } from '../domain/usageEvent.js';
import type { Queryable } from './pool.js';

/** Stands for what an event `e` says, in whatever spelling; a correction also says of which period it is. */
export const DIGEST = `hashtextextended(e.tokens || '|' || coalesce(extract(epoch from e.stated_at)::text, '')
  || '|' || e.metadata || '|' || coalesce(e.correction::text, ''), 0)`;

/** The correction that `DIGEST` is taken of. */
export const statedCorrection = ({ correction, period }: UsageEvent) =>
  correction && JSON.stringify({ ...correction, period: period.id });

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
    [
      events.map(({ teamId }) => teamId),
      events.map(({ idempotencyKey }) => idempotencyKey),
      events.map(({ tokens }) => tokens),
      events.map(({ statedAt }) => statedAt?.toISOString() ?? null),
      events.map(({ metadata }) => JSON.stringify(metadata)),
      events.map(statedCorrection),
    ],
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
