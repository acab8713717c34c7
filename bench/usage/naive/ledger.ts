import pg from 'pg';
import { catalogue, type PlanId } from '../../../src/domain/plans.js';
import { type Rating, rate } from '../../../src/domain/rating.js';

export interface Usage {
  teamId: string;
  idempotencyKey: string;
  tokens: number;
  occurredAt: Date;
  metadata: Record<string, string>;
}

export interface Tracked extends Rating {
  result: 'recorded' | 'duplicate' | 'conflict';
  period: string;
  allowed: boolean;
}

const month = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'Asia/Jakarta',
  year: 'numeric',
  month: '2-digit',
});

/** Asked for each request: a key may be revoked at any time. */
export async function isValidKey(db: pg.Pool, hash: string): Promise<boolean> {
  const { rowCount } = await db.query(
    'select from api_keys where key_hash = $1 and revoked_at is null',
    [hash],
  );
  return rowCount === 1;
}

/** Records one event in the transaction of `db`, and tells the team's total after it. */
export async function track(db: pg.ClientBase, usage: Usage): Promise<Tracked> {
  const { teamId, idempotencyKey, tokens, occurredAt, metadata } = usage;
  const period = month.format(occurredAt);
  const { rowCount } = await db.query(
    `insert into usage_events (team_id, idempotency_key, tokens, occurred_at, metadata, period)
     values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
    [teamId, idempotencyKey, tokens, occurredAt, metadata, period],
  );
  if (rowCount === 0) return repeated(db, usage, period);
  const { rows } = await db.query<{ used: string; plan: PlanId }>(
    `insert into usage_totals as t (team_id, period, used_tokens) values ($1, $2, $3)
     on conflict (team_id, period) do update
        set used_tokens = t.used_tokens + excluded.used_tokens
     returning used_tokens as used, (select plan from teams where id = $1) as plan`,
    [teamId, period, tokens],
  );
  const rated = totals('recorded', period, rows);
  await mailThreshold(db, teamId, tokens, rated);
  return rated;
}

async function repeated(db: pg.ClientBase, usage: Usage, period: string): Promise<Tracked> {
  const { teamId, idempotencyKey, tokens, metadata } = usage;
  const { rows } = await db.query<{ same: boolean; used: string; plan: PlanId }>(
    `select e.tokens = $3 and e.metadata = $4 as same, t.used_tokens as used, teams.plan
       from usage_events e
       join teams on teams.id = e.team_id
       join usage_totals t on t.team_id = e.team_id and t.period = e.period
      where e.team_id = $1 and e.idempotency_key = $2`,
    [teamId, idempotencyKey, tokens, metadata],
  );
  return totals(rows[0]?.same ? 'duplicate' : 'conflict', period, rows);
}

/** One mail for each threshold: the unique key of `emails` sees to that. */
async function mailThreshold(
  db: pg.ClientBase,
  teamId: string,
  tokens: number,
  { usedTokens, tokenLimit, period }: Tracked,
): Promise<void> {
  const crossed = [100, 80].find((percent) => {
    const threshold = (tokenLimit * percent) / 100;
    return usedTokens >= threshold && usedTokens - tokens < threshold;
  });
  if (crossed === undefined) return;
  await db.query(
    `insert into emails (team_id, kind, period) values ($1, $2, $3) on conflict do nothing`,
    [teamId, `usage-${crossed}`, period],
  );
}

/** Whether the team may use `tokens` more; undefined when there is no such team. */
export async function access(
  db: pg.Pool,
  teamId: string,
  tokens: number,
): Promise<{ allowed: boolean; remainingTokens: number } | undefined> {
  const { rows } = await db.query<{ used: string; plan: PlanId }>(
    `select teams.plan, coalesce(t.used_tokens, 0) as used
             from teams left join usage_totals t on t.team_id = teams.id and t.period = $2
            where teams.id = $1`,
    [teamId, month.format(new Date())],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const plan = catalogue.plans[row.plan];
  const { remainingTokens } = rate(plan, Number(row.used));
  return { allowed: plan.ratePer1000 !== null || tokens <= remainingTokens, remainingTokens };
}

function totals(
  result: Tracked['result'],
  period: string,
  [row]: { used: string; plan: PlanId }[],
): Tracked {
  const plan = catalogue.plans[row?.plan ?? 'free'];
  const rating = rate(plan, Number(row?.used ?? 0));
  const allowed = plan.ratePer1000 !== null || rating.remainingTokens > 0;
  return { result, period, ...rating, allowed };
}

/** One transaction, rolled back when `work` throws. */
export async function transaction<T>(
  pool: pg.Pool,
  work: (db: pg.ClientBase) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

export const createPool = (connectionString: string) => new pg.Pool({ connectionString, max: 10 });
