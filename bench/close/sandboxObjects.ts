import { DatabaseSync } from 'node:sqlite';
import Stripe from 'stripe';
import type { Sandbox } from '../world.js';

/**
 * Makes subscribers `cus_bench_<n>` with `sub_bench_<n>`, all at once in the sandbox's own file, as copies of
 * one who subscribes: through the API each takes some ten milliseconds.
 */
export async function addSubscribers(
  sandbox: Pick<Sandbox, 'url' | 'file'>,
  numbers: readonly number[],
): Promise<void> {
  const { hostname: host, port } = new URL(sandbox.url);
  const stripe = new Stripe('sk_test_bench', { host, port, protocol: 'http' });
  const customer = await stripe.customers.create({
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  const items = [{ price: 'price_sandbox_pro' }];
  const subscription = await stripe.subscriptions.create({ customer: customer.id, items });
  const copied = (column: string) =>
    `replace(replace(${column}, $customer, 'cus_bench_' || n), $subscription, 'sub_bench_' || n)`;
  ask(
    sandbox,
    `with copy as (select value as n from json_each($numbers))
     insert into objects (id, kind, json)
     select ${copied('id')}, kind, ${copied('json')}
       from objects, copy where id in ($customer, $subscription)`,
    {
      customer: customer.id,
      subscription: subscription.id,
      numbers: JSON.stringify(numbers),
    },
  );
}

/** All invoice items: of which team, and what they are worth in minor units. */
export function itemsOf(sandbox: Pick<Sandbox, 'file'>): { teamId: string; amount: number }[] {
  return ask(
    sandbox,
    `select json ->> '$.metadata.team_id' as teamId, json ->> '$.amount' as amount
       from objects where kind = 'invoiceitem'`,
  ).map(({ teamId, amount }) => ({ teamId: String(teamId), amount: Number(amount) }));
}

/** How many summaries were taken for delivery, and to how many addresses. */
export function summariesOf(sandbox: Pick<Sandbox, 'file'>): { mails: number; addresses: number } {
  const [row] = ask(
    sandbox,
    `select count(*) as mails, count(distinct json ->> '$.to') as addresses
       from objects where kind = 'mail' and json ->> '$.tag' = 'monthly-summary'`,
  );
  return { mails: Number(row?.mails), addresses: Number(row?.addresses) };
}

function ask(
  { file }: Pick<Sandbox, 'file'>,
  question: string,
  values: Record<string, string> = {},
) {
  const database = new DatabaseSync(file, { timeout: 5_000 });
  try {
    return database.prepare(question).all(values);
  } finally {
    database.close();
  }
}
