import type { Page } from '../domain/page.js';
import type { Period } from '../domain/period.js';
import type { PlanId } from '../domain/plans.js';
import type { BillingInputs, MonthUsage, PastMonth } from '../domain/record.js';
import { heldBetween } from './planPeriods.js';
import type { Queryable } from './pool.js';

/**
 * What the records of a period are computed from, for a range of teams (R12): usage and plans of the
 * period and of each earlier month in `sealed`, with what was billed of that. A team that has the
 * record of a later period has no late lines in this one: they were billed there.
 */
export async function readBillingInputs(
  db: Queryable,
  period: Period,
  sealed: readonly Period[],
  range: Page,
): Promise<(teamId: string) => BillingInputs> {
  const months = [period, ...sealed];
  const used = await usedByMonth(db, period.id, range);
  const held = await plansByMonth(db, months, range);
  const billed = await billedByMonth(db, range);
  const overtaken = await billedLater(db, period.id, range);
  const carried = await carriedByTeam(db, period.id, range);
  return (teamId) => {
    const usageOf = ({ id }: Period): MonthUsage => ({
      period: id,
      usedTokens: used.get(key(teamId, id)) ?? 0,
      plansHeld: held.get(key(teamId, id)) ?? [],
    });
    return {
      month: usageOf(period),
      earlier: (overtaken.has(teamId) ? [] : sealed).map((past) => ({
        ...usageOf(past),
        ...(billed.get(key(teamId, past.id)) ?? NOTHING_BILLED),
      })),
      carried: carried.get(teamId) ?? [],
    };
  };
}

const NOTHING_BILLED: Billed = { planVersion: null, billedTokens: 0, billedAmount: 0 };

type Billed = Omit<PastMonth, keyof MonthUsage>;

const key = (teamId: string, period: string) => `${teamId} ${period}`;

/**
 * Tokens by team and month as far as the bill of `period` knows them: of that month what was
 * committed before its seal, of earlier ones also what came late up to this bill (R38).
 */
async function usedByMonth(
  db: Queryable,
  period: string,
  { first, last }: Page,
): Promise<Map<string, number>> {
  const { rows } = await db.query<{ teamId: string; period: string; used: number }>(
    `select u.team_id as "teamId", u.period,
            (u.used_tokens - coalesce((
              select sum(l.tokens) from tagih.usage_late l
               where l.team_id = u.team_id and l.period = u.period
                 and (l.billed_in > $1 or u.period = $1)), 0))::bigint as used
       from tagih.usage_totals u
      where u.team_id between $2 and $3 and u.period <= $1`,
    [period, first, last],
  );
  return new Map(rows.map((row) => [key(row.teamId, row.period), row.used]));
}

async function plansByMonth(
  db: Queryable,
  months: readonly Period[],
  { first, last }: Page,
): Promise<Map<string, PlanId[]>> {
  const { rows } = await db.query<{ teamId: string; period: string; plans: PlanId[] }>(
    `select p.team_id as "teamId", m.id as period, array_agg(distinct p.plan) as plans
       from unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) as m (id, starts, ends)
       join tagih.plan_periods p on ${heldBetween('m.starts', 'm.ends')}
      where p.team_id between $4 and $5 group by p.team_id, m.id`,
    [
      months.map(({ id }) => id),
      months.map(({ start }) => start),
      months.map(({ end }) => end),
      first,
      last,
    ],
  );
  return new Map(rows.map((row) => [key(row.teamId, row.period), row.plans]));
}

async function billedByMonth(db: Queryable, { first, last }: Page): Promise<Map<string, Billed>> {
  const { rows } = await db.query<Billed & { teamId: string; period: string }>(
    `select team_id as "teamId", period, b.plan_version as "planVersion",
            coalesce(l.tokens, 0) as "billedTokens", coalesce(l.amount, 0) as "billedAmount"
       from (select team_id, period, plan_version from tagih.usage_billings
              where team_id between $1 and $2) b
       full join (
         select team_id, period, sum(tokens)::bigint as tokens, sum(amount)::bigint as amount
           from tagih.usage_billing_lines
          where kind in ('overage', 'late') and team_id between $1 and $2
          group by team_id, period) l using (team_id, period)`,
    [first, last],
  );
  return new Map(rows.map(({ teamId, period, ...billed }) => [key(teamId, period), billed]));
}

async function billedLater(
  db: Queryable,
  period: string,
  { first, last }: Page,
): Promise<Set<string>> {
  const { rows } = await db.query<{ teamId: string }>(
    `select distinct team_id as "teamId" from tagih.usage_billings
      where team_id between $2 and $3 and period > $1`,
    [period, first, last],
  );
  return new Set(rows.map(({ teamId }) => teamId));
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
  const byTeam = Map.groupBy(rows, ({ teamId }) => teamId);
  return new Map(
    [...byTeam].map(([teamId, all]) => [
      teamId,
      all.map((row) => ({ period: row.period, amount: row.amount })),
    ]),
  );
}

/**
 * The seals of a period and of those before it, in order; `recorded`: a close has written all of the
 * period's records.
 */
export async function readSeals(
  db: Queryable,
  period: string,
): Promise<{ period: string; sealedAt: Date; recorded: boolean }[]> {
  const { rows } = await db.query<{ period: string; sealedAt: Date; recorded: boolean }>(
    `select s.period, s.sealed_at as "sealedAt", coalesce(c.status = 'completed', false) as recorded
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
