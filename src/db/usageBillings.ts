import type { Page } from '../domain/page.js';
import type { Period } from '../domain/period.js';
import type { PlanId } from '../domain/plans.js';
import type { BillingInputs, ComputedRecord, Line } from '../domain/record.js';
import type { Subscription } from '../domain/subscription.js';
import { plainList, textList, texts } from './lists.js';
import { heldBetween } from './planPeriods.js';
import type { Queryable } from './pool.js';

export const billingStatuses = [
  'nothing_due',
  'due',
  'pending',
  'billed',
  'carried_forward',
  'failed',
] as const;

export type BillingStatus = (typeof billingStatuses)[number];

export interface UsageBilling {
  teamId: string;
  period: string;
  plan: PlanId;
  planVersion: string;
  usedTokens: number;
  tokenLimit: number;
  overageTokens: number;
  ratePer1000: number | null;
  overageCost: number;
  lines: Line[];
  amountDue: number;
  status: BillingStatus;
  /** Stripe's code, or a name of ours, where it has failed. */
  failure: string | null;
  /** Counts the items made for it: part of their key at Stripe (R34). */
  generation: number;
  /** Whether it was ever tried to put it on Stripe: where not, nothing of it can be there (R35). */
  tried: boolean;
  /** At whom. Unknown of what was tried before this was noted. */
  triedCustomer: string | null;
  stripeInvoiceItemId: string | null;
  stripeInvoiceId: string | null;
  watermark: Date;
  digest: string;
  createdAt: Date;
  billedAt: Date | null;
}

const select = `select b.team_id as "teamId", b.period, b.plan, b.plan_version as "planVersion",
    b.used_tokens as "usedTokens", b.token_limit as "tokenLimit",
    b.overage_tokens as "overageTokens", b.rate_per_1000 as "ratePer1000",
    b.overage_cost as "overageCost", b.amount_due as "amountDue", b.status, b.failure,
    b.generation,
    b.tried_at is not null as tried, b.tried_customer as "triedCustomer",
    b.stripe_invoice_item_id as "stripeInvoiceItemId", b.stripe_invoice_id as "stripeInvoiceId",
    b.watermark, b.digest, b.created_at as "createdAt", b.billed_at as "billedAt",
    coalesce((select jsonb_agg(jsonb_build_object('kind', l.kind, 'period', l.period,
        'tokens', l.tokens, 'amount', l.amount) order by l.kind desc, l.period)
      from tagih.usage_billing_lines l
      where l.team_id = b.team_id and l.billed_in = b.period), '[]') as lines
  from tagih.usage_billings b`;

/** A record as it is written: what was computed, and from what (R33). */
export interface NewUsageBilling {
  teamId: string;
  record: ComputedRecord;
  inputs: BillingInputs;
  watermark: Date;
  digest: string;
}

/** Writes records with their lines; the teams have none of the period (R32). */
export async function insertUsageBillings(
  db: Queryable,
  billings: readonly NewUsageBilling[],
): Promise<void> {
  const records = billings.map(({ record }) => record);
  await db.query(
    `insert into tagih.usage_billings (team_id, digest, inputs, watermark, period, plan, plan_version,
       used_tokens, token_limit, overage_tokens, rate_per_1000, overage_cost, amount_due, status)
     select *, case amount_due when 0 then 'nothing_due' else 'due' end
       from unnest(${texts(1)}, ${texts(2)}, ${texts(3)}::json[], $4::timestamptz[], $5::text[],
         $6::text[], ${texts(7)}, $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[],
         $12::bigint[], $13::bigint[])
         as record (team_id, digest, inputs, watermark, period, plan, plan_version, used_tokens,
           token_limit, overage_tokens, rate_per_1000, overage_cost, amount_due)`,
    [
      textList(billings.map(({ teamId }) => teamId)),
      textList(billings.map(({ digest }) => digest)),
      textList(billings.map(({ inputs }) => JSON.stringify(inputs))),
      plainList(billings.map(({ watermark }) => watermark.toISOString())),
      plainList(records.map(({ period }) => period)),
      plainList(records.map(({ plan }) => plan)),
      textList(records.map(({ planVersion }) => planVersion)),
      plainList(records.map(({ usedTokens }) => usedTokens)),
      plainList(records.map(({ tokenLimit }) => tokenLimit)),
      plainList(records.map(({ overageTokens }) => overageTokens)),
      plainList(records.map(({ ratePer1000 }) => ratePer1000)),
      plainList(records.map(({ overageCost }) => overageCost)),
      plainList(records.map(({ amountDue }) => amountDue)),
    ],
  );
  const lines = billings.flatMap(({ teamId, record }) =>
    record.lines.map((line) => ({ teamId, billedIn: record.period, ...line })),
  );
  await db.query(
    `insert into tagih.usage_billing_lines (team_id, billed_in, kind, period, tokens, amount)
     select * from unnest(${texts(1)}, $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])`,
    [
      textList(lines.map(({ teamId }) => teamId)),
      plainList(lines.map(({ billedIn }) => billedIn)),
      plainList(lines.map(({ kind }) => kind)),
      plainList(lines.map(({ period }) => period)),
      plainList(lines.map(({ tokens }) => tokens)),
      plainList(lines.map(({ amount }) => amount)),
    ],
  );
}

export async function findUsageBilling(
  db: Queryable,
  teamId: string,
  period: string,
): Promise<UsageBilling | undefined> {
  const { rows } = await db.query<UsageBilling>(
    `${select} where b.team_id = $1 and b.period = $2`,
    [teamId, period],
  );
  return rows[0];
}

/** A team's records, the latest period first, from before `beforePeriod`. */
export async function listTeamBillings(
  db: Queryable,
  teamId: string,
  beforePeriod: string,
  limit: number,
): Promise<UsageBilling[]> {
  const { rows } = await db.query<UsageBilling>(
    `${select} where b.team_id = $1 and b.period < $2 order by b.period desc limit $3`,
    [teamId, beforePeriod, limit],
  );
  return rows;
}

/** Records of all teams in the order of period and team, those after the cursor. */
export async function listUsageBillings(
  db: Queryable,
  filter: { period?: string | undefined; status?: BillingStatus | undefined },
  after: { period: string; teamId: string },
  limit: number,
): Promise<UsageBilling[]> {
  const { rows } = await db.query<UsageBilling>(
    `${select} where ($1::text is null or b.period = $1) and ($2::text is null or b.status = $2)
        and (b.period, b.team_id) > ($3, $4)
      order by b.period, b.team_id limit $5`,
    [filter.period ?? null, filter.status ?? null, after.period, after.teamId, limit],
  );
  return rows;
}

/** The failure of a record whose item somebody took back at Stripe: it is not made again. */
export const ITEM_DELETED = 'item_deleted_at_stripe';

/** That of one whose item at Stripe, which the ledger did not know, is of another amount. */
export const AMOUNT_DIFFERS = 'amount_differs_at_stripe';
/** That of one to which Stripe gave no answer, while it answered others. */
export const NO_ANSWER = 'no_answer_of_stripe';

/** Refused by Stripe: what was wrong may be right by now. */
const mayBeRight = `b.status = 'failed' and b.failure is distinct from '${ITEM_DELETED}'`;

/** To be put on Stripe, or refused by it. */
const isOwed = `(b.status = 'due' or ${mayBeRight})`;

/** Records that have failed are due again. */
export async function retryFailed(db: Queryable, period: string): Promise<void> {
  await db.query(
    `update tagih.usage_billings b set status = 'due', failure = null
      where b.period = $1 and ${mayBeRight}`,
    [period],
  );
}

/**
 * Ranges of the teams after one that have records to be put on Stripe, `size` records in each, up to
 * `pages`.
 */
export async function pagesOfDue(
  db: Queryable,
  period: string,
  after: string,
  { size, pages }: { size: number; pages: number },
): Promise<Page[]> {
  const { rows } = await db.query<Page>(
    `select min(team_id) as first, max(team_id) as last from (
       select team_id, (row_number() over (order by team_id) - 1) / $3 as page
         from tagih.usage_billings b where b.period = $1 and b.team_id > $2 and b.status = 'due'
        order by team_id limit $4) numbered
      group by page order by page`,
    [period, after, size, size * pages],
  );
  return rows;
}

/** The records of a range of teams that are to be put on Stripe. */
export async function dueBillings(
  db: Queryable,
  period: string,
  range: Page,
): Promise<UsageBilling[]> {
  const { rows } = await db.query<UsageBilling>(
    `${select} where b.period = $1 and b.status = 'due' and b.team_id between $2 and $3
      order by b.team_id`,
    [period, range.first, range.last],
  );
  return rows;
}

/** Whom a team's usage is billed to. */
export interface BillingStanding {
  customerId: string | null;
  subscription: Subscription | null;
}

/** A record that is about to be billed, and to whom. */
export interface TakenUp {
  record: UsageBilling;
  standing: BillingStanding;
}

/**
 * Reads to whom records are billed, and notes before anything of them is on Stripe that they are tried there,
 * unless they were tried elsewhere (R35).
 */
export async function takeUpBillings(
  db: Queryable,
  records: readonly UsageBilling[],
): Promise<TakenUp[]> {
  const { rows } = await db.query<BillingStanding & { n: number; triedCustomer: string | null }>(
    `update tagih.usage_billings b
        set tried_at = case when tried_customer is null and customer is null then tried_at
                         else coalesce(tried_at, now()) end,
            tried_customer = coalesce(tried_customer, customer)
       from unnest($1::text[], $2::text[]) with ordinality as record (team_id, period, n)
       join (select id, state->'subscription' as subscription,
                    coalesce(state->'subscription'->>'customerId', stripe_customer_id) as customer
               from tagih.teams) standing on standing.id = record.team_id
      where b.team_id = record.team_id and b.period = record.period
     returning n::int, subscription, customer as "customerId", tried_customer as "triedCustomer"`,
    [records.map(({ teamId }) => teamId), records.map(({ period }) => period)],
  );
  return rows.flatMap(({ n, triedCustomer, ...standing }) => {
    const record = records[n - 1];
    return record === undefined
      ? []
      : [{ record: Object.assign(record, { triedCustomer }), standing }];
  });
}

/**
 * Tells a record of an item that is on Stripe for it, and that it does not know (R34). One of another amount is
 * for a person to judge: of that it is told only where to look.
 */
export async function adoptItem(
  db: Queryable,
  item: {
    teamId: string;
    period: string;
    itemId: string;
    customerId: string | null;
    amount: number;
  },
): Promise<void> {
  await db.query(
    `update tagih.usage_billings b set tried_at = coalesce(tried_at, now()), tried_customer = $4,
         stripe_invoice_item_id = case when amount_due = $5 then $3 end
      where team_id = $1 and period = $2 and stripe_invoice_item_id is null and ${isOwed}`,
    [item.teamId, item.period, item.itemId, item.customerId, item.amount],
  );
}

/** The records of a range of teams that had a plan or usage in the period, or owe something in it. */
export async function billingsToSummarise(
  db: Queryable,
  { id, start, end }: Period,
  range: Page,
): Promise<UsageBilling[]> {
  const { rows } = await db.query<UsageBilling>(
    `${select} where b.period = $1 and b.team_id between $4 and $5
        and (b.used_tokens > 0 or b.amount_due <> 0 or exists (
          select from tagih.plan_periods p where p.team_id = b.team_id
             and ${heldBetween('$2', '$3')}))
      order by b.team_id`,
    [id, start, end, range.first, range.last],
  );
  return rows;
}

/** The records of a team that are to be put on Stripe, or whose item waits for its invoice. */
export async function openBillings(db: Queryable, teamId: string): Promise<UsageBilling[]> {
  const { rows } = await db.query<UsageBilling>(
    `${select} where b.team_id = $1 and (b.status = 'pending' or ${isOwed}) order by b.period`,
    [teamId],
  );
  return rows;
}

/** What may change of a record (R33). */
export type BillingProgress = Partial<
  Pick<
    UsageBilling,
    | 'status'
    | 'failure'
    | 'generation'
    | 'triedCustomer'
    | 'stripeInvoiceItemId'
    | 'stripeInvoiceId'
    | 'billedAt'
  >
>;

export interface BillingChange {
  record: UsageBilling;
  progress: BillingProgress;
}

/** The columns of what may change, with their types. */
const changing = {
  status: 'status text',
  failure: 'failure text',
  generation: 'generation int',
  triedCustomer: 'tried_customer text',
  stripeInvoiceItemId: 'stripe_invoice_item_id text',
  stripeInvoiceId: 'stripe_invoice_id text',
  billedAt: 'billed_at timestamptz',
} satisfies Record<keyof BillingProgress, string>;

const assignments = Object.entries(changing).map(([name, column]) => {
  const [own, type] = column.split(' ');
  return `${own} = case when progress ? '${name}' then (progress->>'${name}')::${type} else b.${own} end`;
});

/**
 * Writes down what has changed of records, of each where it is still as it was read: of two that bill it at
 * once, one goes on. For each, whether it was.
 */
export async function updateUsageBillings(
  db: Queryable,
  changes: readonly BillingChange[],
): Promise<boolean[]> {
  if (changes.length === 0) return [];
  const rows = changes.map(({ record: { teamId, period, status, generation }, progress }, n) => ({
    ...{ n, teamId, period, status, generation },
    progress: { failure: null, ...progress },
  }));
  const { rows: changed } = await db.query<{ n: number }>(
    `update tagih.usage_billings b set ${assignments.join(', ')}
       from jsonb_to_recordset($1) as was (n int, "teamId" text, period text, status text,
         generation int, progress jsonb)
      where b.team_id = "teamId" and b.period = was.period and b.status = was.status
        and b.generation = was.generation
      returning n`,
    [JSON.stringify(rows)],
  );
  const done = new Set(changed.map(({ n }) => n));
  return changes.map((_, n) => done.has(n));
}
