import { plainList, textList, texts } from './lists.js';
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
  const { rows } = await db.query<{ n: number }>({
    name: 'add-to-groups',
    text: ADD_TO_GROUPS,
    values: columnsOf(amounts),
  });
  if (rows.length === amounts.length) return;
  const known = new Set(rows.map(({ n }) => n));
  const values = columnsOf(amounts.filter((_, index) => !known.has(index + 1)));
  await db.query({ name: 'open-groups', text: OPEN_GROUPS, values });
}

const columnsOf = (amounts: readonly GroupedTokens[]): unknown[] => [
  textList(amounts.map(({ teamId }) => teamId)),
  textList(amounts.map(({ key }) => key)),
  plainList(amounts.map(({ day }) => day)),
  // Whatever a caller likes.
  amounts.map(({ value }) => value),
  plainList(amounts.map(({ tokens }) => tokens)),
];

const AMOUNTS = `unnest(${texts(1)}, ${texts(2)}, $3::date[], $4::text[], $5::bigint[])`;

const ADD_TO_GROUPS = `
  update tagih.usage_groups g set tokens = g.tokens + a.tokens
    from ${AMOUNTS} with ordinality as a (team_id, key, day, value, tokens, n)
   where g.team_id = a.team_id and g.key = a.key and g.day = a.day and g.value = a.value
  returning a.n`;

// Values that have no group yet get one while there is room for it.
const OPEN_GROUPS = `
  with numbered as (
    select *, row_number() over (partition by team_id, key, day order by value) as number
      from ${AMOUNTS} as a (team_id, key, day, value, tokens)
  ), placed as (
    select team_id, key, day, tokens,
           case when number + (
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

/** The days of a period with usage, in order; `YYYY-MM-DD`. */
export async function usageByDay(
  db: Queryable,
  teamId: string,
  period: string,
): Promise<{ day: string; tokens: number }[]> {
  const { rows } = await db.query<{ day: string; tokens: number }>(
    `select period || to_char(n, 'FM"-"00') as day, days[n] as tokens
       from tagih.usage_totals, generate_subscripts(days, 1) as n
      where team_id = $1 and period = $2 and days[n] is not null
      order by n`,
    [teamId, period],
  );
  return rows;
}
