import type { Evidence, HeldPlan, MonthEvidence } from '../domain/explanation.js';
import type { Period } from '../domain/period.js';
import type { BillingInputs } from '../domain/record.js';
import { notedAfter } from './planPeriods.js';
import type { Queryable } from './pool.js';
import type { UsageBilling } from './usageBillings.js';

/** What a record was computed from, as it was stored with it (R33); undefined without a record. */
export async function findBillingInputs(
  db: Queryable,
  teamId: string,
  period: string,
): Promise<BillingInputs | undefined> {
  const { rows } = await db.query<{ inputs: BillingInputs }>(
    'select inputs from tagih.usage_billings where team_id = $1 and period = $2',
    [teamId, period],
  );
  return rows[0]?.inputs;
}

type Billing = Pick<UsageBilling, 'teamId' | 'period' | 'watermark' | 'createdAt'>;

/**
 * What the ledger says of a record beside its totals: the events of `months`, which are its own and those
 * that its inputs name, their plans, what earlier records hold of them, and the records of `carried`.
 */
export async function readEvidence(
  db: Queryable,
  billing: Billing,
  months: readonly Period[],
  carried: readonly string[],
): Promise<Evidence> {
  const events = await countEvents(db, billing, months);
  const history = await readHistory(db, billing);
  const named = new Set(months.map(({ id }) => id));
  return {
    months: (await readMonths(db, billing, months)).map(
      ({ kept, ...month }, index): MonthEvidence => {
        const { start, end } = months[index] ?? { start: new Date(0), end: new Date(0) };
        const known = history.filter(({ startsAt }) => startsAt < end);
        return {
          ...month,
          counted: kept ? (events.get(month.period)?.counted ?? NOTHING) : null,
          held: known.filter(({ endsAt }) => endsAt === null || endsAt > start).map(heldPlan),
          notedSince: known.some(({ notedSince }) => notedSince),
        };
      },
    ),
    carried: await readAmounts(db, billing.teamId, carried),
    left: (await laterWasFirst(db, billing))
      ? []
      : [...events].flatMap(([period, { billedHere: tokens }]) =>
          named.has(period) || tokens === 0 ? [] : [{ period, tokens }],
        ),
  };
}

/** Clocks of servers differ, and usage may say that it occurs in five minutes: both stay far below. */
const DAY_MS = 86_400_000;

const NOTHING = { metered: { events: 0, tokens: 0 }, corrections: { events: 0, tokens: 0 } };

/** The events that the bill knows of, by month; no event that came after its seal is among them (R38). */
async function countEvents(
  db: Queryable,
  { teamId, period, watermark }: Billing,
  months: readonly Period[],
): Promise<Map<string, { counted: typeof NOTHING; billedHere: number }>> {
  const first = Math.min(...months.map(({ start }) => start.getTime()));
  const { rows } = await db.query<{
    period: string;
    events: number;
    tokens: number;
    corrections: number;
    corrected: number;
    billedHere: number;
  }>(
    `select period, count(*) filter (where correction is null)::int as events,
            coalesce(sum(tokens) filter (where correction is null), 0)::bigint as tokens,
            count(correction)::int as corrections,
            coalesce(sum(tokens) filter (where correction is not null), 0)::bigint as corrected,
            coalesce(sum(tokens) filter (where billed_in = $2), 0)::bigint as "billedHere"
       from tagih.usage_events
      where team_id = $1 and billed_in <= $2 and received_at between $3 and $4
      group by period`,
    [teamId, period, new Date(first - DAY_MS), new Date(watermark.getTime() + DAY_MS)],
  );
  return new Map(
    rows.map(({ events, tokens, corrections, corrected, billedHere, ...row }) => [
      row.period,
      {
        counted: {
          metered: { events, tokens },
          corrections: { events: corrections, tokens: corrected },
        },
        billedHere,
      },
    ]),
  );
}

/**
 * The months in their order; `kept`: none of the team's events of it is dropped, for there is a partition
 * of the time from which they are, or the team came later than that, and partitions go oldest first.
 */
async function readMonths(
  db: Queryable,
  { teamId, period }: Billing,
  months: readonly Period[],
): Promise<
  (Pick<MonthEvidence, 'period' | 'verifiedAt' | 'billedTokens' | 'billedAmount'> & {
    kept: boolean;
  })[]
> {
  const { rows } = await db.query<{
    period: string;
    kept: boolean;
    verifiedAt: Date | null;
    billedTokens: number;
    billedAmount: number;
  }>(
    `with oldest as (
       select coalesce(min(coalesce(
                substring(pg_get_expr(c.relpartbound, c.oid) from 'FROM \\(''([^'']+)''')::timestamptz,
                '-infinity')), '-infinity') as starts
         from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'tagih.usage_events'::regclass)
     select m.id as period, c.verified_at as "verifiedAt",
            oldest.starts <= greatest(m.starts - interval '5 minutes', t.created_at) as kept,
            billed.tokens as "billedTokens", billed.amount as "billedAmount"
       from unnest($3::text[], $4::timestamptz[]) with ordinality as m (id, starts, place)
       cross join oldest
       join tagih.teams t on t.id = $1
       left join tagih.closes c on c.period = m.id
       cross join lateral (
         select coalesce(sum(l.tokens), 0)::bigint as tokens,
                coalesce(sum(l.amount), 0)::bigint as amount
           from tagih.usage_billing_lines l
          where l.team_id = $1 and l.period = m.id and l.billed_in < $2
            and l.kind in ('overage', 'late')) billed
      order by m.place`,
    [teamId, period, months.map(({ id }) => id), months.map(({ start }) => start)],
  );
  return rows.map((row) => ({ ...row, verifiedAt: row.verifiedAt?.toISOString() ?? null }));
}

interface HistoryRow {
  plan: HeldPlan['plan'];
  subscriptionId: string;
  startsAt: Date;
  endsAt: Date | null;
  notedSince: boolean;
}

async function readHistory(db: Queryable, { teamId, createdAt }: Billing): Promise<HistoryRow[]> {
  const { rows } = await db.query<HistoryRow>(
    `select p.plan, p.subscription_id as "subscriptionId", p.starts_at as "startsAt",
            p.ends_at as "endsAt", ${notedAfter('$2::timestamptz')} as "notedSince"
       from tagih.plan_periods p where p.team_id = $1 order by p.starts_at, p.plan`,
    [teamId, createdAt],
  );
  return rows;
}

const heldPlan = ({ plan, subscriptionId, startsAt, endsAt }: HistoryRow): HeldPlan => ({
  plan,
  subscriptionId,
  from: startsAt.toISOString(),
  to: endsAt?.toISOString() ?? null,
});

async function readAmounts(
  db: Queryable,
  teamId: string,
  periods: readonly string[],
): Promise<{ period: string; amount: number }[]> {
  const { rows } = await db.query<{ period: string; amount: number }>(
    `select period, amount_due as amount from tagih.usage_billings
      where team_id = $1 and period = any($2) and status = 'carried_forward'`,
    [teamId, periods],
  );
  return rows;
}

/** Whether a later month was billed before this one: then it took what was late until then (R12). */
async function laterWasFirst(
  db: Queryable,
  { teamId, period, createdAt }: Billing,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `select from tagih.usage_billings
      where team_id = $1 and period > $2 and created_at < $3 limit 1`,
    [teamId, period, createdAt],
  );
  return rowCount === 1;
}
