import { plainList, textList, texts } from './lists.js';
import type { Queryable } from './pool.js';
import { rounds } from './rounds.js';

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
 * these teams and periods are held, so that nobody else adds to their groups.
 */
export async function addToGroups(db: Queryable, amounts: readonly GroupedTokens[]): Promise<void> {
  const ofRow = ({ teamId, day, key }: GroupedTokens) => `${teamId} ${day} ${key}`;
  for (const round of rounds(amounts, ofRow)) {
    const { rows } = await db.query<{ n: number }>({
      name: 'add-to-groups',
      text: ADD_TO_GROUPS,
      values: columnsOf(round),
    });
    if (rows.length === round.length) continue;
    const known = new Set(rows.map(({ n }) => n));
    const values = columnsOf(round.filter((_, index) => !known.has(index + 1)));
    await db.query({ name: 'open-groups', text: OPEN_GROUPS, values });
  }
}

const columnsOf = (amounts: readonly GroupedTokens[]): unknown[] => [
  textList(amounts.map(({ teamId }) => teamId)),
  plainList(amounts.map(({ day }) => day)),
  textList(amounts.map(({ key }) => key)),
  // Whatever a caller likes.
  amounts.map(({ value }) => value),
  plainList(amounts.map(({ tokens }) => tokens)),
];

const AMOUNTS = `unnest(${texts(1)}, $2::date[], ${texts(3)}, $4::text[], $5::bigint[])`;

const OTHER = `array_position(g.names, '(other)')`;

/** Whether one more value is told apart. */
const ROOM = `cardinality(g.names) - (${OTHER} is not null)::int < ${VALUES}`;

/** Where a value is counted: at its own place, at a new one, or with the others. */
const PLACE = `coalesce(array_position(g.names, a.value),
  case when ${ROOM} then null else ${OTHER} end, cardinality(g.names) + 1)`;

const ADD_TO_GROUPS = `
  update tagih.usage_groups g
     set names = case when ${PLACE} <= cardinality(g.names) then g.names
                      when ${ROOM} then g.names || a.value else g.names || '(other)'::text end,
         tokens[${PLACE}] = coalesce(g.tokens[${PLACE}], 0) + a.tokens
    from ${AMOUNTS} with ordinality as a (team_id, day, key, value, tokens, n)
   where g.team_id = a.team_id and g.day = a.day and g.key = a.key
  returning a.n`;

const OPEN_GROUPS = `
  insert into tagih.usage_groups (team_id, day, key, names, tokens)
  select team_id, day, key, array[value], array[tokens]
    from ${AMOUNTS} as a (team_id, day, key, value, tokens)`;

/** Tokens by the values of a metadata key, most first, in the days from `first` up to, not including, `end`. */
export async function usageByValue(
  db: Queryable,
  teamId: string,
  key: string,
  first: string,
  end: string,
): Promise<{ key: string; tokens: number }[]> {
  const { rows } = await db.query<{ key: string; tokens: number }>(
    `select name as key, sum(amount)::bigint as tokens
       from tagih.usage_groups, unnest(names, tokens) as grouped (name, amount)
      where team_id = $1 and key = $2 and day >= $3 and day < $4
      group by name order by sum(amount) desc, name`,
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
