import { Agent } from 'node:http';
import Stripe from 'stripe';
import { signedEvent } from '../usage/load/events.js';
import { send } from '../usage/load/send.js';
import { WEBHOOK_SECRET } from '../usage/sides.js';
import type { Stage } from '../usage/stage.js';
import { factsWaiting, openWorld, secondsUntilNone, type World } from '../world.js';

const TEAMS = 500;
const CONNECTIONS = 64;
/** What R16 allows for 5,000 events of 500 teams. */
const FETCHES = 1_500;

/** Of a renewal that went well, as Stripe sends them. */
const types = [
  'invoice.created',
  'customer.subscription.updated',
  'invoice.finalized',
  'payment_method.attached',
  'customer.updated',
  'invoice.paid',
  'customer.subscription.updated',
  'payment_method.updated',
  'customer.updated',
  'customer.subscription.updated',
];

/** 5,000 events of 500 teams at once: until they are on disk, with Temporal, and applied. */
export async function burst(stage: Stage) {
  const world = await openWorld(stage, 'burst');
  try {
    const subscribers = await subscribe(world);
    const { url } = await world.start('server');
    await world.start('worker');
    await secondsUntilNone(performance.now(), () => untaken(world));
    await fetch(`${world.sandbox.url}/sandbox/requests`, { method: 'DELETE' });

    const bodies = types.flatMap((type, round) =>
      subscribers.map(({ customer, subscription }) => {
        const object = type.startsWith('customer.sub') ? subscription : customer;
        return signedEvent(`evt_${customer}_${round}`, customer, WEBHOOK_SECRET, type, object);
      }),
    );
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    let backlog = 0;
    const begun = performance.now();
    let arriving = bodies.length;
    const accepting = Promise.all(
      bodies.map(async (signed) => {
        const path = '/api/webhooks/stripe';
        const request = { method: 'POST' as const, path, ...signed, teamId: '', events: 1 };
        const { status, body } = await send(agent, url, request);
        if (status !== 200) throw new Error(`an event was answered ${status}: ${body}`);
        arriving -= 1;
      }),
    ).then(() => (performance.now() - begun) / 1_000);
    const [accepted, relayed] = await Promise.all([
      accepting,
      secondsUntilNone(begun, async () => {
        const facts = await metric(url, 'tagih_outbox_facts');
        backlog = Math.max(backlog, facts);
        return arriving + facts;
      }),
    ]);
    const applied = await secondsUntilNone(begun, () => untaken(world));
    agent.destroy();
    const requests = await fetch(`${world.sandbox.url}/sandbox/requests`);
    const fetches = ((await requests.json()) as unknown[]).length;
    const met = fetches <= FETCHES;
    return {
      events: bodies.length,
      teams: TEAMS,
      accepted,
      relayed,
      applied,
      backlog,
      fetches,
      met,
    };
  } finally {
    await world.close();
  }
}

/** Teams with a paid subscription, who are read once before anything is measured. */
async function subscribe({ ledger, sandbox }: World) {
  const { hostname: host, port } = new URL(sandbox.url);
  const stripe = new Stripe('sk_test_bench', { host, port, protocol: 'http' });
  const subscribers = [];
  for (let index = 0; index < TEAMS; index += 1) {
    const { id: customer } = await stripe.customers.create({
      payment_method: 'pm_card_visa',
      invoice_settings: { default_payment_method: 'pm_card_visa' },
    });
    const items = [{ price: 'price_sandbox_pro' }];
    const { id: subscription } = await stripe.subscriptions.create({ customer, items });
    subscribers.push({ customer, subscription });
  }
  await ledger.query(
    `with made as (
       insert into teams (id, name, admin_email, stripe_customer_id)
       select 'team-' || customer, 'Acme', 'admin@team.example', customer
         from unnest($1::text[]) customer returning id)
     insert into outbox (workflow_id, fact)
     select 'subscription:' || id, jsonb_build_object('kind', 'hint', 'id', 'resync:' || id,
            'type', 'resync', 'object', null, 'at', '2026-01-01T00:00:00.000Z') from made`,
    [subscribers.map(({ customer }) => customer)],
  );
  return subscribers;
}

/** Facts and events that no team's workflow has taken, and teams for which something is under way. */
async function untaken({ ledger }: World): Promise<number> {
  const { rows } = await ledger.query<{ count: number }>(
    `select count(*)::int from teams t
       left join stripe_events e on e.team_id = t.id and not e.ignored
      where t.state is null or not t.state->'seen' ? e.id or t.state->>'reading' is not null
         or t.state->>'wanted' is not null or t.state->>'settling' is not null`,
  );
  return (rows[0]?.count ?? 0) + (await factsWaiting(ledger));
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((line) => line.startsWith(`${name} `));
  if (line === undefined) throw new Error(`there is no metric ${name}`);
  return Number(line.split(' ')[1]);
}
