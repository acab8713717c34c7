import { randomUUID } from 'node:crypto';
import type Stripe from 'stripe';
import { vi } from 'vitest';
import { callsOf } from '../../src/domain/calls.js';
import type { TeamState } from '../../src/domain/team.js';
import type { Answer, Product } from './product.js';

export interface Subscriber {
  teamId: string;
  customerId: string;
  subscriptionId: string;
}

/** For `expect.poll`: a machine that is busy takes its time. */
export const patiently = { timeout: 15_000, interval: 50 };

/** A team of its own that Stripe knows nothing of. */
export async function freeTeam(
  { api }: Pick<Product, 'api'>,
  teamId = `team_${randomUUID().slice(0, 8)}`,
): Promise<string> {
  await api('PUT', `/api/v1/teams/${teamId}`, {
    name: 'Acme',
    adminEmail: `${teamId}@admin.example`,
  });
  return teamId;
}

/** A team of its own, with a customer at Stripe who has a good card; on a test clock where one is given. */
export async function customerTeam(
  { api, stripe }: Product,
  test_clock?: string,
): Promise<Omit<Subscriber, 'subscriptionId'>> {
  const teamId = `team_${randomUUID().slice(0, 8)}`;
  const customer = await stripe.customers.create({
    email: `${teamId}@customer.example`,
    ...(test_clock !== undefined && { test_clock }),
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  await api('PUT', `/api/v1/teams/${teamId}`, {
    name: 'Acme',
    adminEmail: `${teamId}@admin.example`,
    stripeCustomerId: customer.id,
  });
  return { teamId, customerId: customer.id };
}

/** A team that has paid for its first month of a plan. */
export async function subscriber(
  product: Product,
  plan: 'pro' | 'enterprise' = 'pro',
): Promise<Subscriber> {
  const { teamId, customerId } = await customerTeam(product);
  const { id } = await product.stripe.subscriptions.create({
    customer: customerId,
    items: [{ price: `price_sandbox_${plan}` }],
    metadata: { team_id: teamId },
    billing_mode: { type: 'flexible' },
  });
  await product.until(teamId, (team) => {
    if (team.tier !== plan) throw new Error(`${teamId} is on ${team.tier}`);
  });
  // What came with the first payment must not be taken for news of the second.
  await settled(product, teamId);
  return { teamId, customerId, subscriptionId: id };
}

/** What the host is answered that asks for a plan of a team. */
export function changePlan({ api }: Product, teamId: string, plan: string): Promise<Answer> {
  return api('POST', `/api/v1/teams/${teamId}/plan`, { plan });
}

/** The steps of a team's changes of plan that Stripe was asked for, as `number:step`: one key is one step (R35). */
export async function planSteps({ control }: Product, teamId: string): Promise<string[]> {
  const requests = await control<{ idempotencyKey: string | null }[]>('GET', '/requests');
  const prefix = `tagih:plan:${teamId}:`;
  return requests.flatMap(({ idempotencyKey: key }) =>
    key?.startsWith(prefix) ? [key.slice(prefix.length)] : [],
  );
}

/** How the team's changes of plan ended, in their order. */
export async function planOutcomes({ pool }: Product, teamId: string): Promise<string[]> {
  const { rows } = await pool.query<{ said: string }>(
    `select to_plan || ' ' || coalesce(outcome, 'open') as said from tagih.plan_changes
      where team_id = $1 order by number`,
    [teamId],
  );
  return rows.map(({ said }) => said);
}

/** The plans that a team held, oldest first (R37). */
export async function planPeriods(
  { pool }: Product,
  teamId: string,
): Promise<{ plan: string; ended: boolean }[]> {
  const { rows } = await pool.query<{ plan: string; ended: boolean }>(
    `select plan, ends_at is not null as ended from tagih.plan_periods
      where team_id = $1 order by starts_at, ends_at nulls last`,
    [teamId],
  );
  return rows;
}

/** The customer's card from now on. */
export const putCard = (
  { control }: Product,
  { customerId }: Pick<Subscriber, 'customerId'>,
  card: string,
): Promise<{ id: string }> => control('POST', `/customers/${customerId}/card`, { card });

/** The customer's card is declined from now on. */
export const breakCard = (product: Product, customer: Pick<Subscriber, 'customerId'>) =>
  putCard(product, customer, 'pm_card_chargeCustomerFail');

/** The customer replaces the card by one that pays. */
export const fixCard = (product: Product, customer: Pick<Subscriber, 'customerId'>) =>
  putCard(product, customer, 'pm_card_visa');

/** The subscription's period ends now, and its next invoice is due; the invoice's id. */
export async function renew({ control }: Product, { subscriptionId }: Subscriber): Promise<string> {
  const path = `/subscriptions/${subscriptionId}/renew`;
  const { id } = await control<{ id: string }>('POST', path);
  return id;
}

/** The renewal of a subscriber has failed, `strike` times with the timers that the product has. */
export async function unpaid(
  product: Product,
  strike: 1 | 2 | 3 = 1,
): Promise<Subscriber & { invoiceId: string }> {
  const team = await subscriber(product);
  await breakCard(product, team);
  const invoiceId = await renew(product, team);
  await product.until(team.teamId, ({ dunning }) => {
    if (dunning?.strike !== strike) throw new Error(`${team.teamId} is not at strike ${strike}`);
  });
  return { ...team, invoiceId };
}

/** The keys of Tagih's own attempts to pay an invoice, as Stripe saw them; one key is one attempt (R35). */
export async function attempts({ control }: Product, invoiceId: string): Promise<string[]> {
  const path = `/requests?path=${encodeURIComponent(`^/v1/invoices/${invoiceId}/pay$`)}`;
  const requests = await control<{ idempotencyKey: string | null }[]>('GET', path);
  return requests.flatMap(({ idempotencyKey: key }) => (key?.startsWith('tagih:') ? [key] : []));
}

/** The team's timeline, oldest first. */
export async function timeline(
  { api }: Product,
  teamId: string,
): Promise<{ kind: string; summary: string; actor: string; details: Record<string, unknown> }[]> {
  const { body } = await api('GET', `/api/v1/teams/${teamId}/timeline?limit=100`);
  return body.items.toReversed();
}

/** The kinds of lines on a team's timeline since it was on its first plan. */
export const kindsSince = async (product: Product, teamId: string): Promise<string[]> =>
  (await timeline(product, teamId)).slice(2).map(({ kind }) => kind);

/** The team as the API shows it. */
export const shown = async (
  { api }: Pick<Product, 'api'>,
  teamId: string,
): Promise<Answer['body']> => (await api('GET', `/api/v1/teams/${teamId}`)).body;

/** The kinds of mail that the team was sent, in order. */
export async function sent({ mails }: Product, teamId: string): Promise<string[]> {
  return (await mails(teamId)).map(({ tag }) => tag);
}

/**
 * Waits until all that Stripe has told of a team was taken, nothing is under way for it and no mail
 * waits: what has not happened by then happens no more. The team's state. With a customer what is told of
 * others meanwhile is not waited for.
 */
export async function settled(
  { control, pool, temporal }: Product,
  teamId: string,
  customerId?: string,
): Promise<TeamState> {
  const path = customerId === undefined ? '/webhooks' : `/webhooks?customer=${customerId}`;
  return vi.waitFor(
    async () => {
      const { pending } = await control<{ pending: number }>('GET', path);
      if (pending > 0) throw new Error(`${pending} webhooks are on their way`);
      const { rows } = await pool.query<{ facts: number; state: TeamState; mails: number }>(
        `select (select count(*)::int from tagih.stripe_events
                  where team_id = t.id and not ignored and taken_at is null)
                + (select count(*)::int from tagih.outbox
                    where workflow_id = 'subscription:' || t.id) as facts,
                (select count(*)::int from tagih.emails
                  where team_id = t.id and sent_at is null and refused is null) as mails,
                state
           from tagih.teams t where id = $1 and state is not null`,
        [teamId],
      );
      const [team] = rows;
      if (team === undefined) throw new Error('nothing was written yet');
      const { facts, state, mails } = team;
      if (facts > 0) throw new Error(`${facts} facts are on their way`);
      if (callsOf(state).length > 0) throw new Error(`Stripe is called: ${JSON.stringify(state)}`);
      if (mails > 0) throw new Error(`${mails} mails wait`);
      // A call that was cancelled may be in the middle of its last try.
      const { raw } = await temporal.workflow.getHandle(`subscription:${teamId}`).describe();
      if (raw.pendingActivities?.length || raw.pendingWorkflowTask) throw new Error('it works');
      return state;
    },
    { timeout: 20_000 },
  );
}

/** Events at Stripe that are about a customer, oldest first, whether delivered or not. */
export async function eventsOf(
  { control }: Product,
  { customerId }: Pick<Subscriber, 'customerId'>,
): Promise<Stripe.Event[]> {
  const all = await control<Stripe.Event[]>('GET', '/events');
  return all.filter((event) => JSON.stringify(event).includes(customerId)).toReversed();
}

/** The latest charge of a customer. */
export async function lastCharge(
  { stripe }: Product,
  { customerId }: Pick<Subscriber, 'customerId'>,
): Promise<Stripe.Charge> {
  const [charge] = (await stripe.charges.list({ customer: customerId, limit: 1 })).data;
  if (charge === undefined) throw new Error(`${customerId} was never charged`);
  return charge;
}
