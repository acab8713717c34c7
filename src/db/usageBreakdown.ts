import type { Queryable } from './pool.js';

/** Values of one team, key and day that are told apart; what comes after them counts as `(other)`. */
const VALUES = 200;

export interface GroupedTokens {
  teamId: string;
  /** A metadata key that usage can be grouped by, and its value. */
  key: string;
  value: string;
  /** `YYYY-MM-DD` in the billing time zone. */
  day: string;
  tokens: number;
}

/**
 * Adds tokens to their groups; each group at most once in `amounts`. To be called while the totals of
 * these teams and periods are held: of two commits at once each would find room for the last value.
 */
export async function addToGroups(db: Queryable, amounts: readonly GroupedTokens[]): Promise<void> {
  if (amounts.length === 0) return;
  await db.query({
    name: 'add-to-groups',
    text: ADD_TO_GROUPS,
    values: [
      amounts.map(({ teamId }) => teamId),
      amounts.map(({ key }) => key),
      amounts.map(({ day }) => day),
      amounts.map(({ value }) => value),
      amounts.map(({ tokens }) => tokens),
    ],
  });
}

const ADD_TO_GROUPS = `
  with amount as (
    select a.*, (
             select true from tagih.usage_groups g
              where g.team_id = a.team_id and g.key = a.key and g.day = a.day
                and g.value = a.value) is not null as known
      from unnest($1::text[], $2::text[], $3::date[], $4::text[], $5::bigint[])
        as a (team_id, key, day, value, tokens)
  ), numbered as (
    select *, row_number() over (partition by team_id, key, day, known order by value) as number
      from amount
  ), placed as (
    select team_id, key, day, tokens,
           case when known or number + (
             select count(*) from tagih.usage_groups g
              where g.team_id = n.team_id and g.key = n.key and g.day = n.day
                and g.value <> '(other)') <= ${VALUES} then value else '(other)' end as value
      from numbered n
  )
  insert into tagih.usage_groups as g (team_id, key, day, value, tokens)
  select team_id, key, day, value, sum(tokens) from placed group by 1, 2, 3, 4 order by 1, 2, 3, 4
  on conflict (team_id, key, day, value) do update set tokens = g.tokens + excluded.tokens`;

/** Tokens by the values of a metadata key, most first, in the days from `first` up to, not including, `end`. */
export async function usageByValue(
  db: Queryable,
  teamId: string,
  key: string,
  first: string,
  end: string,
): Promise<{ key: string; tokens: number }[]> {
  const { rows } = await db.query<{ key: string; tokens: number }>(
    `select value as key, sum(tokens)::bigint as tokens from tagih.usage_groups
      where team_id = $1 and key = $2 and day >= $3 and day < $4
      group by value order by sum(tokens) desc, value`,
    [teamId, key, first, end],
  );
  return rows;
}

/** Days with usage, in order, from `first` up to, not including, `end`; `YYYY-MM-DD`. */
export async function usageByDay(
  db: Queryable,
  teamId: string,
  first: string,
  end: string,
): Promise<{ day: string; tokens: number }[]> {
  const { rows } = await db.query<{ day: string; tokens: number }>(
    `select to_char(day, 'YYYY-MM-DD') as day, tokens from tagih.usage_days
      where team_id = $1 and day >= $2 and day < $3 order by usage_days.day`,
    [teamId, first, end],
  );
  return rows;
}
