import { expect } from 'vitest';
import type { Period } from '../../src/domain/period.js';
import { dayOf } from './months.js';
import type { Product } from './product.js';
import { patiently } from './stories.js';

/** Asks for the close of a month, and of those before it that nobody has closed (R12). */
export async function askToClose({ api }: Product, period: string): Promise<void> {
  const { status } = await api('POST', '/api/v1/closes', { period });
  expect(status).toBe(202);
}

/** All months that were begun are closed, and all mails sent. */
export async function closesAreOver(product: Product): Promise<void> {
  const running = async () => {
    const { rows } = await product.pool.query<{ period: string; status: string }>(
      "select period, status from tagih.closes where status <> 'completed'",
    );
    return rows;
  };
  await expect.poll(running, { ...patiently, timeout: 60_000 }).toEqual([]);
  await mailsAreSent(product);
}

export async function mailsAreSent({ pool }: Product): Promise<void> {
  const waiting = async () => {
    const { rows } = await pool.query('select from tagih.emails where sent_at is null');
    return rows.length;
  };
  await expect.poll(waiting, patiently).toBe(0);
}

export interface Billed {
  team: string;
  period: string;
  tokens: number;
  amount: number;
  status: string;
}

/** The records of months, by team and month. */
export async function recordsOf({ pool }: Product, periods: readonly string[]): Promise<Billed[]> {
  const { rows } = await pool.query<Billed>(
    `select team_id as team, period, used_tokens::int as tokens, amount_due::int as amount, status
       from tagih.usage_billings where period = any($1)`,
    [periods],
  );
  return inOrder(rows);
}

export const inOrder = (billed: readonly Billed[]): Billed[] =>
  billed.toSorted((a, b) => (`${a.team} ${a.period}` < `${b.team} ${b.period}` ? -1 : 1));

/** What is on Stripe for a customer's usage, as `month amount`. */
export async function itemsOf({ stripe }: Product, customer: string): Promise<string[]> {
  const { data } = await stripe.invoiceItems.list({ customer, limit: 100 });
  return data
    .flatMap(({ metadata, amount }) =>
      metadata?.['tagih_period'] ? [`${metadata['tagih_period']} ${amount}`] : [],
    )
    .toSorted();
}

/** How often each summary was given to Postmark, by `team month`. */
export async function summariesOf(
  { control }: Product,
  periods: readonly string[],
): Promise<Map<string, number>> {
  const mails = await control<{ tag: string; metadata: Record<string, string> }[]>('GET', '/mails');
  const counts = new Map<string, number>();
  for (const { tag, metadata } of mails) {
    const name = `${metadata['teamId']} ${metadata['cause']}`;
    if (tag !== 'monthly-summary' || !periods.includes(metadata['cause'] ?? '')) continue;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** Teams that Stripe does not know, and that held Pro in a month, and used so many tokens; in their order. */
export async function unknownTeams(
  { pool, api }: Product,
  month: Period,
  count: number,
  tokens: number,
): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `with made as (
       insert into tagih.teams (id, name, admin_email)
       select 'a_' || n, 'Acme', n || '@admin.example' from generate_series(1, $1) n returning id),
     held as (
       insert into tagih.plan_periods (team_id, subscription_id, plan, starts_at)
       select id, 'sub', 'pro', $2 from made)
     select id from made order by id`,
    [count, month.start],
  );
  const events = rows.map(({ id: teamId }) => ({
    teamId,
    idempotencyKey: teamId,
    tokens,
    occurredAt: dayOf(month, 10),
  }));
  const { status } = await api('POST', '/api/v1/usage/batch', { events });
  expect(status).toBe(200);
  return rows.map(({ id }) => id);
}
