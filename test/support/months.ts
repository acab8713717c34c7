import { randomUUID } from 'node:crypto';
import { expect, vi } from 'vitest';
import { type Period, periodAt, previousPeriod } from '../../src/domain/period.js';
import type { Answer, Product } from './product.js';
import { customerTeam, type Subscriber } from './stories.js';

const ZONE = 'Asia/Jakarta';
const DAY_MS = 86_400_000;

/** A month that has ended, in the billing time zone: 1 is the last one. A test that closes takes its own. */
export function monthsAgo(count: number): Period {
  let month = periodAt(new Date(), ZONE);
  for (let back = 0; back < count; back += 1) month = previousPeriod(month, ZONE);
  return month;
}

/** An instant of a month, counted from its start. */
export function dayOf({ start }: Period, day: number): Date {
  return new Date(start.getTime() + day * DAY_MS);
}

const seconds = (instant: Date) => Math.floor(instant.getTime() / 1000);

export interface ClockedTeam extends Omit<Subscriber, 'subscriptionId'> {
  clockId: string;
}

export interface ClockedSubscriber extends ClockedTeam, Subscriber {}

/** A team with a customer whose test clock stands at a time, in seconds. */
export async function clockedTeam(product: Product, frozen_time: number): Promise<ClockedTeam> {
  const { id: clockId } = await product.stripe.testHelpers.testClocks.create({ frozen_time });
  return { ...(await customerTeam(product, clockId)), clockId };
}

/** A team whose subscription began on the fifth of a month, by a test clock that stands there. */
export async function subscribedIn(
  product: Product,
  month: Period,
  plan: 'pro' | 'enterprise',
  renewsAt?: Date,
): Promise<ClockedSubscriber> {
  const team = await clockedTeam(product, seconds(dayOf(month, 5)));
  return { ...team, subscriptionId: await subscribe(product, team, plan, renewsAt) };
}

/** The customer of a team subscribes; the id of the subscription, once the team is on its plan. */
export async function subscribe(
  product: Product,
  { teamId, customerId }: Omit<Subscriber, 'subscriptionId'>,
  plan: 'pro' | 'enterprise',
  renewsAt?: Date,
): Promise<string> {
  const { id } = await product.stripe.subscriptions.create({
    customer: customerId,
    items: [{ price: `price_sandbox_${plan}` }],
    metadata: { team_id: teamId },
    ...(renewsAt && { billing_cycle_anchor: seconds(renewsAt) }),
    billing_mode: { type: 'flexible' },
  });
  await product.until(teamId, ({ tier }) => expect(tier).toBe(plan));
  return id;
}

/** The subscription ends at once, and the team has heard of it. */
export async function unsubscribe(
  product: Product,
  { teamId, subscriptionId }: Subscriber,
): Promise<void> {
  await product.stripe.subscriptions.cancel(subscriptionId);
  await product.until(teamId, ({ tier }) => expect(tier).toBe('free'));
}

/** The team's clock at Stripe goes on to an instant. */
export async function advanceTo(
  { stripe }: Product,
  { clockId }: ClockedTeam,
  instant: Date,
): Promise<void> {
  await stripe.testHelpers.testClocks.advance(clockId, { frozen_time: seconds(instant) });
}

/** Records tokens on the tenth of a month. */
export function track(
  product: Product,
  month: Period,
  teamId: string,
  tokens: number,
): Promise<Answer['body']> {
  return trackAt(product, dayOf(month, 10), teamId, tokens);
}

/** Records tokens at an instant. */
export async function trackAt(
  { api }: Product,
  occurredAt: Date,
  teamId: string,
  tokens: number,
): Promise<Answer['body']> {
  const event = { teamId, idempotencyKey: randomUUID(), tokens, occurredAt };
  const { status, body } = await api('POST', '/api/v1/usage', event);
  expect(status).toBe(200);
  return body;
}

/** Closes a month, and waits until that is done. */
export async function close({ api }: Product, { id: period }: Period): Promise<Answer['body']> {
  const { status } = await api('POST', '/api/v1/closes', { period });
  expect(status).toBe(202);
  return vi.waitFor(
    async () => {
      const { body } = await api('GET', `/api/v1/closes/${period}`);
      expect(body).toMatchObject({ status: 'completed', teams: { failed: 0 } });
      return body;
    },
    { timeout: 20_000 },
  );
}

/** The team's record of a month. */
export async function recordOf(
  { api }: Product,
  { id }: Period,
  teamId: string,
): Promise<Answer['body']> {
  const { body } = await api('GET', `/api/v1/teams/${teamId}/usage-billings/${id}`);
  return body;
}
