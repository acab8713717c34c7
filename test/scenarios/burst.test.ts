import { expect, test, vi } from 'vitest';
import { eventOf, newId, postEvent } from '../support/events.js';
import { sharedProduct } from '../support/product.js';
import { patiently, subscriber } from '../support/stories.js';

const TEAMS = 50;

const product = sharedProduct();

/** Ten events of a renewal that went well, as Stripe sends them. */
function renewalOf(customer: string, subscription: string): ReturnType<typeof eventOf>[] {
  const invoice = { id: newId('in'), object: 'invoice', customer };
  const ofSubscription = { id: subscription, object: 'subscription', customer };
  const card = { id: newId('pm'), object: 'payment_method', customer };
  const owner = { id: customer, object: 'customer' };
  const told: [string, object][] = [
    ['invoice.created', invoice],
    ['customer.subscription.updated', ofSubscription],
    ['invoice.finalized', invoice],
    ['payment_method.attached', card],
    ['customer.updated', owner],
    ['invoice.paid', invoice],
    ['customer.subscription.updated', ofSubscription],
    ['payment_method.updated', card],
    ['customer.updated', owner],
    ['customer.subscription.updated', ofSubscription],
  ];
  return told.map(([type, object]) => ({ ...eventOf({}, { type }), data: { object } as never }));
}

test('R16: a burst of 10 events each of 50 teams is applied with at most 150 fetches from Stripe', async () => {
  const teams = await Promise.all(Array.from({ length: TEAMS }, () => subscriber(product)));
  const events = teams
    .map(({ customerId, subscriptionId }) => renewalOf(customerId, subscriptionId))
    .reduce<object[][]>((rows, own) => own.map((one, n) => [...(rows[n] ?? []), one]), [])
    .flat();
  await product.control('DELETE', '/requests');
  // A busy machine would stretch the burst until it is none.
  await product.stopWorker();
  const answers = await Promise.all(
    events.map((event) => postEvent(product, JSON.stringify(event))),
  );
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  await product.startWorker();
  await vi.waitFor(async () => expect(await untaken()).toBe(0), { ...patiently, timeout: 40_000 });
  const fetched = await product.control<object[]>('GET', '/requests');
  expect(fetched.length).toBeGreaterThanOrEqual(2 * TEAMS);
  expect(fetched.length).toBeLessThanOrEqual(3 * TEAMS);
  for (const { teamId } of teams) {
    await product.until(teamId, ({ tier }) => expect(tier).toBe('pro'));
  }
}, 90_000);

/** Events that their team's workflow has not taken, and teams for which something is under way. */
async function untaken(): Promise<number> {
  const { rows } = await product.pool.query<{ count: number }>(
    `select count(*)::int as count from tagih.teams t left join tagih.stripe_events e
         on e.team_id = t.id and not e.ignored
      where not t.state->'seen' ? e.id or t.state->>'reading' is not null
         or t.state->>'wanted' is not null or t.state->>'settling' is not null`,
  );
  return rows[0]?.count ?? 0;
}
