import { afterEach, describe, expect, test } from 'vitest';
import { holdParking } from '../../src/db/stripeEvents.js';
import { putTeam } from '../../src/db/teams.js';
import { enqueueResyncOfAll } from '../../src/services/resync.js';
import { deliverParked } from '../../src/services/stripeEvents.js';
import { eventOf, listed, newId, postEvent, teamTold } from '../support/events.js';
import { sharedProduct } from '../support/product.js';
import { lastCharge, patiently, settled, subscriber, timeline } from '../support/stories.js';

const product = sharedProduct();
afterEach(async () => {
  await product.control('POST', '/webhooks', { paused: false });
  await product.control('DELETE', '/faults');
  await product.control('DELETE', '/requests');
});

const DISPUTES = '^/v1/disputes/';

/** A cardholder disputes the last charge of a customer. */
async function dispute(customerId: string): Promise<string> {
  const charge = await lastCharge(product, { customerId });
  const { id } = await product.control<{ id: string }>('POST', `/charges/${charge.id}/dispute`);
  return id;
}

/** The event that told of a dispute, and its workflow. */
async function toldOf(disputeId: string, type = 'charge.dispute.created') {
  const { data } = await product.stripe.events.list({ type });
  const event = data.find(({ data: { object } }) => 'id' in object && object.id === disputeId);
  const workflowId = `stripe-event:${event?.id}`;
  return { event, id: event?.id ?? '', workflow: product.temporal.workflow.getHandle(workflowId) };
}

/** A customer who pays for a plan, of whom no team has been heard. */
async function stranger(): Promise<string> {
  const { id } = await product.stripe.customers.create({
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  await product.stripe.subscriptions.create({
    customer: id,
    items: [{ price: 'price_sandbox_pro' }],
  });
  return id;
}

async function parked(eventId: string) {
  return (await listed(product, 'parked')).find(({ id }) => id === eventId);
}

const opened = async (teamId: string) =>
  (await timeline(product, teamId)).filter(({ kind }) => kind === 'dispute_opened');

const asked = (disputeId = '') =>
  product.control<object[]>('GET', `/requests?path=${encodeURIComponent(DISPUTES + disputeId)}`);

const breakDisputes = (status: number, body?: object) =>
  product.control('POST', '/faults', { path: DISPUTES, kind: 'error', status, body });

async function waitingForLocks(): Promise<number> {
  const { rows } = await product.pool.query<{ count: number }>(
    `select count(*)::int as count from pg_locks l join pg_database d on d.oid = l.database
      where d.datname = current_database() and l.locktype = 'advisory' and not l.granted`,
  );
  return rows[0]?.count ?? 0;
}

const put = (teamId: string, stripeCustomerId: string) =>
  product.api('PUT', `/api/v1/teams/${teamId}`, {
    name: 'Acme',
    adminEmail: 'admin@acme.example',
    stripeCustomerId,
  });

describe('R18: a dispute names no customer, and finds its team', () => {
  test("it is on the team's timeline, once however often it comes, and changes nothing else (R17)", async () => {
    const { teamId, customerId } = await subscriber(product);
    const before = (await product.api('GET', `/api/v1/teams/${teamId}`)).body;
    const disputeId = await dispute(customerId);
    const { event, id, workflow } = await toldOf(disputeId);
    expect(await teamTold(product, id)).toBe(teamId);
    expect(await workflow.result()).toEqual({ customerId, teamId });

    await postEvent(product, JSON.stringify(event));
    await product.temporal.workflow.start('stripeEvent', {
      workflowId: `stripe-event:${id}`,
      taskQueue: product.settings.TEMPORAL_TASK_QUEUE,
      args: [id],
    });
    expect(await workflow.result()).toEqual({ customerId, teamId });
    await settled(product, teamId);
    expect(await opened(teamId)).toMatchObject([{ actor: 'customer', details: { disputeId } }]);
    expect((await product.api('GET', `/api/v1/teams/${teamId}`)).body).toEqual(before);
  });

  test('a team that is told of later gets it then', async () => {
    const customerId = await stranger();
    const disputeId = await dispute(customerId);
    const { id, workflow } = await toldOf(disputeId);
    await expect.poll(() => parked(id), patiently).toMatchObject({ customerId, teamId: null });
    expect(await workflow.result()).toEqual({ customerId, teamId: null });

    const teamId = newId('team');
    await put(teamId, customerId);
    await settled(product, teamId);
    expect(await opened(teamId)).toMatchObject([{ details: { disputeId } }]);
    expect(await parked(id)).toBeUndefined();
  });

  test('while Stripe is down it waits, visibly, and comes when Stripe is back (R28)', async () => {
    const { teamId, customerId } = await subscriber(product);
    await breakDisputes(503);
    const disputeId = await dispute(customerId);
    const { id } = await toldOf(disputeId);
    await expect.poll(async () => (await asked()).length, patiently).toBeGreaterThan(1);
    expect(await parked(id)).toMatchObject({ customerId: null, teamId: null });
    expect(await opened(teamId)).toEqual([]);

    await product.control('DELETE', '/faults');
    expect(await teamTold(product, id)).toBe(teamId);
    await settled(product, teamId);
    expect(await opened(teamId)).toMatchObject([{ details: { disputeId } }]);
  });

  test('a team that appears while its customer is noted gets it: none stays parked by a race', async () => {
    await breakDisputes(503);
    const customerId = await stranger();
    const { id } = await toldOf(await dispute(customerId));
    await expect.poll(() => parked(id), patiently).toBeDefined();

    const teamId = newId('team');
    const host = await product.pool.connect();
    try {
      await host.query('begin');
      await holdParking(host);
      const team = { id: teamId, name: 'Acme', adminEmail: 'admin@acme.example' };
      await putTeam(host, { ...team, stripeCustomerId: customerId });
      await deliverParked(host, teamId);
      await product.control('DELETE', '/faults');
      await expect.poll(waitingForLocks, patiently).toBe(1);
      await host.query('commit');
    } finally {
      host.release(true);
    }
    expect(await teamTold(product, id)).toBe(teamId);
  });

  test('one that Stripe does not have stays parked, and a resync of all looks for it again', async () => {
    const { teamId, customerId } = await subscriber(product);
    const body = { error: { type: 'invalid_request_error', code: 'resource_missing' } };
    await breakDisputes(404, body);
    const disputeId = await dispute(customerId);
    const { id, workflow } = await toldOf(disputeId);
    await expect.poll(async () => (await asked(disputeId)).length, patiently).toBe(1);
    expect(await workflow.result()).toEqual({ customerId: null, teamId: null });
    expect(await parked(id)).toMatchObject({ customerId: null, teamId: null });

    await product.control('DELETE', '/faults');
    await enqueueResyncOfAll(product.pool, new Date());
    expect(await teamTold(product, id)).toBe(teamId);
  });

  test('the team that it names is told at once, and Stripe is not asked whose it is', async () => {
    const { teamId, customerId } = await subscriber(product);
    await product.control('POST', '/webhooks', { paused: true });
    const id = await dispute(customerId);
    const object = { object: 'dispute', id, metadata: { team_id: teamId } };
    const event = eventOf(object, { type: 'charge.dispute.created' });
    await postEvent(product, JSON.stringify(event));
    expect(await teamTold(product, event.id)).toBe(teamId);
    await expect.poll(() => opened(teamId), patiently).toHaveLength(1);
    expect(await opened(teamId)).toMatchObject([{ details: { disputeId: id } }]);
    // What it is, once; for whom, never.
    expect(await asked(id)).toHaveLength(1);
    await product.control('POST', '/webhooks', { paused: false });
    await settled(product, teamId);
    expect(await opened(teamId)).toHaveLength(1);
  });

  test.each(['won', 'lost'])(
    'that it was %s comes to the team as its opening did',
    async (status) => {
      const { teamId, customerId } = await subscriber(product);
      const before = (await product.api('GET', `/api/v1/teams/${teamId}`)).body;
      const disputeId = await dispute(customerId);
      const { amount, id: chargeId } = await lastCharge(product, { customerId });
      await settled(product, teamId);
      await product.control('POST', `/disputes/${disputeId}/close`, { status });
      const { id, event } = await toldOf(disputeId, 'charge.dispute.closed');
      expect(await teamTold(product, id)).toBe(teamId);
      await postEvent(product, JSON.stringify(event));
      await settled(product, teamId);
      const lines = (await timeline(product, teamId)).slice(2);
      expect(lines).toMatchObject([
        { kind: 'dispute_opened', actor: 'customer', details: { disputeId, chargeId, amount } },
        {
          kind: 'dispute_closed',
          actor: 'stripe',
          details: { disputeId, chargeId, amount, status },
        },
      ]);
      expect((await product.api('GET', `/api/v1/teams/${teamId}`)).body).toEqual(before);
    },
  );
});
