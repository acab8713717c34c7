import type pg from 'pg';
import type { Sandbox } from '../world.js';
import { itemsOf, summariesOf } from './sandboxObjects.js';

/**
 * Adds a closed month up anew, from its events alone, and compares: each team has one record of what it
 * used and owes, each that owes something one item of that amount, each one summary. Throws when that
 * is not so.
 */
export async function verifyClose(
  ledger: Pick<pg.Pool, 'query'>,
  sandbox: Pick<Sandbox, 'file'>,
  period: string,
): Promise<void> {
  const items = itemsOf(sandbox);
  const { rows } = await ledger.query(
    `with used as (
       select team_id, sum(tokens) as tokens from usage_events where period = $1 group by team_id
     ), owed as (
       select t.id as team_id, coalesce(used.tokens, 0) as tokens,
              -- Rp 10 for 1,000 tokens: a minor unit for each.
              case tier when 'pro' then greatest(0, coalesce(used.tokens, 0) - 50000)
                        when 'enterprise' then greatest(0, coalesce(used.tokens, 0) - 500000)
                        else 0 end as amount
         from teams t left join used on used.team_id = t.id
     ), item as (
       select * from unnest($2::text[], $3::bigint[]) as i (team_id, amount)
     ), items as (
       select team_id, count(*) as items, sum(amount) as amount from item group by team_id
     )
     select team_id, owed.tokens, owed.amount, b.used_tokens as recorded, b.amount_due as due, b.status,
            items.items, items.amount as billed
       from owed full join usage_billings b using (team_id) full join items using (team_id)
      where b.period is distinct from $1 or b.used_tokens is distinct from owed.tokens
         or b.amount_due is distinct from owed.amount
         or b.status <> case when owed.amount = 0 then 'nothing_due' else 'pending' end
         or coalesce(items.items, 0) <> case when owed.amount = 0 then 0 else 1 end
         or coalesce(items.amount, 0) <> owed.amount`,
    [period, items.map(({ teamId }) => teamId), items.map(({ amount }) => amount)],
  );
  if (rows.length > 0) {
    const example = JSON.stringify(rows[0]);
    throw new Error(`${rows.length} teams are not billed what they used, such as ${example}`);
  }
  const { mails, addresses } = summariesOf(sandbox);
  const { rows: counted } = await ledger.query<{ teams: string }>(
    'select count(*) as teams from teams',
  );
  const teams = Number(counted[0]?.teams);
  if (mails !== teams || addresses !== teams) {
    throw new Error(`${teams} teams were sent ${mails} summaries, to ${addresses} addresses`);
  }
}
