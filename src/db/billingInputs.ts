import type { Page } from '../domain/page.js';
import type { Period } from '../domain/period.js';
import type { PlanId } from '../domain/plans.js';
import type { BillingInputs, PastMonth } from '../domain/record.js';
import { heldBetween, notedAfter } from './planPeriods.js';
import type { Queryable } from './pool.js';

/**
 * What the records of a period are computed from, for a range of teams (R12): usage and plans of the
 * period, and of each earlier month in `sealed` of which something was heard since the team was billed
 * last, with what was billed of that. A team that has the record of a later period has no late lines in
 * this one: they were billed there.
 */
export async function readBillingInputs(
  db: Queryable,
  period: Period,
  sealed: readonly Period[],
  range: Page,
): Promise<(teamId: string) => BillingInputs> {
  const used = await usedInMonth(db, period.id, range);
  const held = await plansInMonth(db, period, range);
  const earlier = await earlierByTeam(db, period.id, sealed, range);
  const carried = await carriedByTeam(db, period.id, range);
  return (teamId) => ({
    month: {
      period: period.id,
      usedTokens: used.get(teamId) ?? 0,
      plansHeld: held.get(teamId) ?? [],
    },
    earlier: earlier.get(teamId) ?? [],
    carried: carried.get(teamId) ?? [],
  });
}

/** Tokens by team that were committed before the month's seal (R38). */
async function usedInMonth(
  db: Queryable,
  period: string,
  { first, last }: Page,
): Promise<Map<string, number>> {
  const { rows } = await db.query<{ teamId: string; used: number }>(
    `select u.team_id as "teamId", (u.used_tokens - coalesce(late.tokens, 0))::bigint as used
       from tagih.usage_totals u left join (
         select team_id, sum(tokens) as tokens from tagih.usage_late
          where period = $1 and team_id between $2 and $3 group by team_id) late using (team_id)
      where u.team_id between $2 and $3 and u.period = $1`,
    [period, first, last],
  );
  return new Map(rows.map(({ teamId, used }) => [teamId, used]));
}

async function plansInMonth(
  db: Queryable,
  { start, end }: Period,
  { first, last }: Page,
): Promise<Map<string, PlanId[]>> {
  const { rows } = await db.query<{ teamId: string; plans: PlanId[] }>(
    `select p.team_id as "teamId", array_agg(distinct p.plan) as plans from tagih.plan_periods p
      where p.team_id between $1 and $2 and ${heldBetween('$3', '$4')} group by p.team_id`,
    [first, last, start, end],
  );
  return new Map(rows.map(({ teamId, plans }) => [teamId, plans]));
}

/**
 * The earlier months in which something came late, or whose plans are known otherwise, since the team's last
 * record: with the usage that the bill of `period` knows of, and what was billed of it so far. The usage is
 * that of the month's own record, which was counted, and what came late, not the total of today.
 */
async function earlierByTeam(
  db: Queryable,
  period: string,
  sealed: readonly Period[],
  { first, last }: Page,
): Promise<Map<string, PastMonth[]>> {
  if (sealed.length === 0) return new Map();
  const { rows } = await db.query<{ teamId: string; past: PastMonth }>(
    `with month as (
       select * from unnest($2::text[], $3::timestamptz[], $4::timestamptz[]) as m (id, starts, ends)
     ), heard as (
       select l.team_id, m.id, m.starts, m.ends from tagih.usage_late l join month m on m.id = l.period
        where l.team_id between $5 and $6 and l.billed_in > coalesce((
          select max(b.period) from tagih.usage_billings b
           where b.team_id = l.team_id and b.period < $1), '')
       union
       select p.team_id, m.id, m.starts, m.ends
         from tagih.plan_periods p join month m on p.starts_at < m.ends
        where p.team_id between $5 and $6 and ${notedAfter(`coalesce((
          select b.created_at from tagih.usage_billings b
           where b.team_id = p.team_id and b.period < $1 order by b.period desc limit 1), '-infinity')`)}
     )
     select h.team_id as "teamId", jsonb_build_object('period', h.id,
         'usedTokens', coalesce((select b.used_tokens from tagih.usage_billings b
              where b.team_id = h.team_id and b.period = h.id), 0)
           + coalesce((select sum(l.tokens) from tagih.usage_late l
              where l.team_id = h.team_id and l.period = h.id and l.billed_in <= $1), 0),
         'plansHeld', array(select distinct p.plan from tagih.plan_periods p
           where p.team_id = h.team_id and ${heldBetween('h.starts', 'h.ends')}),
         'planVersion', (select b.plan_version from tagih.usage_billings b
           where b.team_id = h.team_id and b.period = h.id),
         'billedTokens', billed.tokens, 'billedAmount', billed.amount) as past
       from heard h cross join lateral (
         select coalesce(sum(l.tokens), 0) as tokens, coalesce(sum(l.amount), 0) as amount
           from tagih.usage_billing_lines l
          where l.team_id = h.team_id and l.period = h.id and l.kind in ('overage', 'late')) billed
      where not exists (
        select from tagih.usage_billings b where b.team_id = h.team_id and b.period > $1)
      order by h.team_id, h.id`,
    [
      period,
      sealed.map(({ id }) => id),
      sealed.map(({ start }) => start),
      sealed.map(({ end }) => end),
      first,
      last,
    ],
  );
  return byTeam(rows, ({ past }) => past);
}

function byTeam<Row extends { teamId: string }, Value>(
  rows: readonly Row[],
  part: (row: Row) => Value,
): Map<string, Value[]> {
  const groups = Map.groupBy(rows, ({ teamId }) => teamId);
  return new Map([...groups].map(([teamId, all]) => [teamId, all.map(part)]));
}

async function carriedByTeam(
  db: Queryable,
  period: string,
  { first, last }: Page,
): Promise<Map<string, { period: string; amount: number }[]>> {
  const { rows } = await db.query<{ teamId: string; period: string; amount: number }>(
    `select b.team_id as "teamId", b.period, b.amount_due as amount
       from tagih.usage_billings b
      where b.team_id between $2 and $3 and b.period < $1 and b.status = 'carried_forward'
        and not exists (select from tagih.usage_billing_lines l
             where l.team_id = b.team_id and l.kind = 'carried' and l.period = b.period)
      order by b.period`,
    [period, first, last],
  );
  return byTeam(rows, ({ period: from, amount }) => ({ period: from, amount }));
}

/** A sealed period. */
export interface Seal {
  period: string;
  sealedAt: Date;
  /** Whether its totals were counted against its events (R33). */
  verified: boolean;
  /** Whether a close has written all of its records. */
  recorded: boolean;
}

/** The seals of a period and of those before it, in order. */
export async function readSeals(db: Queryable, period: string): Promise<Seal[]> {
  const { rows } = await db.query<Seal>(
    `select s.period, s.sealed_at as "sealedAt", coalesce(c.status = 'completed', false) as recorded,
            c.verified_at is not null as verified
       from tagih.seals s left join tagih.closes c using (period)
      where s.period <= $1 order by s.period`,
    [period],
  );
  return rows;
}

/**
 * Earlier periods of which the team's bill stands: it has a record of them, or their close is over and
 * it has none. Between a seal and its records a month's own overage is not late (R12).
 */
export async function billedPeriods(
  db: Queryable,
  teamId: string,
  period: string,
): Promise<string[]> {
  const { rows } = await db.query<{ period: string }>(
    `select s.period from tagih.seals s
      where s.period < $2 and (
        exists (select from tagih.usage_billings b where b.team_id = $1 and b.period = s.period)
        or exists (select from tagih.closes c where c.period = s.period and c.status = 'completed'))
      order by s.period`,
    [teamId, period],
  );
  return rows.map((row) => row.period);
}
