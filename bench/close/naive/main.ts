// The baseline: a month's close as it is usually written on the first day, team by team.
import pg from 'pg';
import { ServerClient } from 'postmark';
import Stripe from 'stripe';
import { z } from 'zod';
import { catalogue, type PlanId } from '../../../src/domain/plans.js';
import { type Rating, rate } from '../../../src/domain/rating.js';

export interface Task {
  /** Which of the teams, in the order of their ids. */
  skip: number;
  teams: number;
  period: string;
  atOnce: number;
}

/** In seconds: the whole, and of all teams together what it took to sum and to insert. */
export interface Taken {
  whole: number;
  records: number;
}

interface Team {
  id: string;
  name: string;
  adminEmail: string;
  plan: PlanId;
  customer: string;
  subscription: string | null;
}

const env = z.object({ DATABASE_URL: z.string(), SANDBOX_URL: z.url() }).parse(process.env);
const sandbox = new URL(env.SANDBOX_URL);
const pool = new pg.Pool({ connectionString: env.DATABASE_URL, max: 10 });
const stripe = new Stripe('sk_test_bench', {
  host: sandbox.hostname,
  port: sandbox.port,
  protocol: 'http',
});
const postmark = new ServerClient('bench', { requestHost: sandbox.host, useHttps: false });

async function record({ id, plan }: Team, period: string): Promise<Rating> {
  const { rows } = await pool.query<{ used: string }>(
    `select coalesce(sum(tokens), 0) as used from usage_events where team_id = $1 and period = $2`,
    [id, period],
  );
  const rating = rate(catalogue.plans[plan], Number(rows[0]?.used));
  await pool.query(
    `insert into usage_billings (team_id, period, used_tokens, overage_tokens, overage_cost)
     values ($1, $2, $3, $4, $5)`,
    [id, period, rating.usedTokens, rating.overageTokens, rating.overageCost],
  );
  return rating;
}

async function bill(team: Team, period: string, amount: number): Promise<void> {
  const { id } = await stripe.invoiceItems.create(
    {
      customer: team.customer,
      ...(team.subscription === null ? {} : { subscription: team.subscription }),
      currency: catalogue.currency,
      amount,
      description: `Usage of ${period}`,
      metadata: { team_id: team.id },
    },
    { idempotencyKey: `${team.id}:${period}` },
  );
  await pool.query(
    'update usage_billings set stripe_invoice_item_id = $3 where team_id = $1 and period = $2',
    [team.id, period, id],
  );
}

async function mail(team: Team, period: string, rating: Rating): Promise<void> {
  const { usedTokens, tokenLimit, overageCost } = rating;
  const said = `${team.name} used ${usedTokens} tokens in ${period}; its plan includes ${tokenLimit}. Due beside the plan: Rp ${overageCost / 100}.`;
  await postmark.sendEmail({
    From: 'billing@tagih.example',
    To: team.adminEmail,
    Subject: `Usage of ${team.name} in ${period}`,
    HtmlBody: `<!doctype html><html><body><p>${said}</p></body></html>`,
    TextBody: said,
    Tag: 'monthly-summary',
    MessageStream: 'outbound',
  });
  await pool.query(
    'update usage_billings set mailed_at = now() where team_id = $1 and period = $2',
    [team.id, period],
  );
}

async function close({ skip, teams, period, atOnce }: Task): Promise<Taken> {
  const { rows } = await pool.query<Team>(
    `select id, name, admin_email as "adminEmail", plan, stripe_customer_id as customer,
            stripe_subscription_id as subscription
       from teams order by id offset $1 limit $2`,
    [skip, teams],
  );
  const begun = performance.now();
  let records = 0;
  const waiting = rows.values();
  const worker = async () => {
    for (const team of waiting) {
      const start = performance.now();
      const rating = await record(team, period);
      records += performance.now() - start;
      if (rating.overageCost > 0) await bill(team, period, rating.overageCost);
      await mail(team, period, rating);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { whole: (performance.now() - begun) / 1_000, records: records / 1_000 };
}

process.on('message', (task: Task) => {
  close(task).then(
    (taken) => process.send?.(taken),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
      process.exit(1);
    },
  );
});
process.send?.('ready');

process.once('SIGTERM', async () => {
  await pool.end();
  process.exit(0);
});
