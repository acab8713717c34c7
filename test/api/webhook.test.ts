import { describe, expect, test, vi } from 'vitest';
import {
  eventOf,
  type ListedEvent,
  listed,
  metric,
  newId,
  now,
  postEvent,
  signatureOf,
  teamTold,
} from '../support/events.js';
import { ledgerOf } from '../support/ledger.js';
import { sharedProduct, WEBHOOK_SECRET } from '../support/product.js';
import { freeTeam } from '../support/stories.js';

const OLD_SECRET = 'whsec_before_the_rotation';

const secrets = `${WEBHOOK_SECRET},${OLD_SECRET}`;
const product = sharedProduct({ STRIPE_WEBHOOK_SECRET: secrets }, { worker: false });

const post = (body: string, signature?: string) => postEvent(product, body, signature);
const deliver = (event: object) => post(JSON.stringify(event));

async function customerOf(teamId: string): Promise<string> {
  const customer = newId('cus');
  const named = { name: 'Acme', adminEmail: 'admin@acme.example', stripeCustomerId: customer };
  await product.api('PUT', `/api/v1/teams/${teamId}`, named);
  return customer;
}

test('a signed event is answered when it is stored, and its team is told', async () => {
  const teamId = await freeTeam(product);
  const event = eventOf({ customer: await customerOf(teamId) });
  const { status, body } = await deliver(event);
  expect({ status, body }).toEqual({ status: 200, body: { received: true } });
  expect((await ledgerOf(product))['stripe_events']?.join()).toContain(event.id);
  expect(await teamTold(product, event.id)).toBe(teamId);
});

describe('a signature (R15)', () => {
  const payload = JSON.stringify(eventOf({ customer: 'cus_1' }));

  test.each([
    ['none', ''],
    ['no signature', 'Acme'],
    ['of a secret that is not ours', signatureOf(payload, 'whsec_forged')],
    ['of another body', signatureOf(payload.replace('cus_1', 'cus_2'))],
    ['older than 300 seconds', signatureOf(payload, WEBHOOK_SECRET, now() - 310)],
    ['of another time', signatureOf(payload).replace(/t=\d+/, `t=${now() + 1}`)],
    ['of another scheme', signatureOf(payload).replace('v1=', 'v0=')],
  ])('%s is refused, and nothing is kept', async (_, signature) => {
    const before = await ledgerOf(product);
    const forged = await metric(product, 'tagih_stripe_events_total{result="forged"}');
    const { status, body } = await post(payload, signature);
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'bad_signature' });
    expect(await ledgerOf(product)).toEqual(before);
    expect(await metric(product, 'tagih_stripe_events_total{result="forged"}')).toBe(forged + 1);
  });

  test('of either secret fits while one takes the place of the other', async () => {
    for (const secret of [WEBHOOK_SECRET, OLD_SECRET]) {
      const body = JSON.stringify(eventOf({ customer: newId('cus') }));
      expect((await post(body, signatureOf(body, secret))).status).toBe(200);
    }
  });

  test('of 290 seconds ago still fits', async () => {
    const body = JSON.stringify(eventOf({ customer: newId('cus') }));
    expect((await post(body, signatureOf(body, WEBHOOK_SECRET, now() - 290))).status).toBe(200);
  });
});

describe('a signed body that is no event', () => {
  test.each([
    ['nothing', ''],
    ['no JSON', 'event'],
    ['a list', '[]'],
    ['an empty object', '{}'],
    ['null', 'null'],
    ['an event without an object', JSON.stringify({ ...eventOf({}), data: {} })],
    ['an event without an id', JSON.stringify({ ...eventOf({}), id: undefined })],
    ['an id with a NUL', JSON.stringify({ ...eventOf({}), id: 'evt_\u0000' })],
    ['an id with half a character', JSON.stringify({ ...eventOf({}), id: 'evt_\ud83e' })],
    ['an event of no time', JSON.stringify({ ...eventOf({}), created: 1e15 })],
    ['a team with a NUL', JSON.stringify(eventOf({ metadata: { team_id: 'a\u0000' } }))],
    ['a thin event', JSON.stringify({ id: 'evt_1', object: 'v2.core.event', type: 'v2.x' })],
  ])('%s is refused, and nothing is kept', async (_, payload) => {
    const before = await ledgerOf(product);
    const { status, body } = await post(payload);
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'malformed_event' });
    expect(await ledgerOf(product)).toEqual(before);
  });

  test('2 MB are not read', async () => {
    const { status, body } = await post('x'.repeat(2 * 1024 * 1024));
    expect({ status, code: body.code }).toEqual({ status: 413, code: 'body_too_large' });
  });
});

test('deliveries of one event, many at once and again, tell its team once (R17)', async () => {
  const teamId = await freeTeam(product);
  const event = eventOf({ customer: newId('cus'), metadata: { team_id: teamId } });
  const answers = await Promise.all(Array.from({ length: 20 }, () => deliver(event)));
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
  await teamTold(product, event.id);
  expect((await deliver(event)).status).toBe(200);

  const next = eventOf({ metadata: { team_id: teamId } });
  await deliver(next);
  await teamTold(product, next.id);
  const { events } = await product.temporal.workflow
    .getHandle(`subscription:${teamId}`)
    .fetchHistory();
  const told = events?.filter((entry) => entry.workflowExecutionSignaledEventAttributes != null);
  expect(told).toHaveLength(2);
});

describe('the team of an event (R18)', () => {
  test('is the one in its metadata, before the one of its customer', async () => {
    const [named, owner] = await Promise.all([freeTeam(product), freeTeam(product)]);
    const customer = await customerOf(owner);
    const ofSubscription = { subscription_details: { metadata: { team_id: named } } };
    const direct = eventOf({ customer, metadata: { team_id: named } });
    const inherited = eventOf({ customer, parent: ofSubscription });
    const silent = eventOf({ customer: { id: customer, object: 'customer' }, metadata: {} });
    const stranger = eventOf({ customer, metadata: { team_id: 'nobody' } });
    for (const event of [direct, inherited, silent, stranger]) await deliver(event);
    expect(await teamTold(product, direct.id)).toBe(named);
    expect(await teamTold(product, inherited.id)).toBe(named);
    expect(await teamTold(product, silent.id)).toBe(owner);
    expect(await teamTold(product, stranger.id)).toBe(owner);
  });

  test('is awaited where nobody knows it, visibly, until a PUT names its customer', async () => {
    const customer = newId('cus');
    const parkedBefore = await metric(product, 'tagih_stripe_events_parked');
    const event = eventOf({ customer });
    await deliver(event);
    const parked = (await listed(product, 'parked')).find(({ id }) => id === event.id);
    expect(parked).toEqual({
      id: event.id,
      type: 'invoice.paid',
      objectId: event.data.object.id,
      customerId: customer,
      teamId: null,
      receivedAt: expect.stringMatching(/Z$/),
    });
    expect(await metric(product, 'tagih_stripe_events_parked')).toBe(parkedBefore + 1);

    const teamId = newId('team');
    const named = { name: 'Acme', adminEmail: 'admin@acme.example', stripeCustomerId: customer };
    await product.api('PUT', `/api/v1/teams/${teamId}`, named);
    expect(await teamTold(product, event.id)).toBe(teamId);
    expect((await listed(product, 'parked')).map(({ id }) => id)).not.toContain(event.id);
    expect(await metric(product, 'tagih_stripe_events_parked')).toBe(parkedBefore);
  });

  test('may appear under the name that the event gave', async () => {
    const teamId = newId('team');
    const event = eventOf({ customer: newId('cus'), metadata: { team_id: teamId } });
    await deliver(event);
    const acme = { name: 'Acme', adminEmail: 'admin@acme.example' };
    await product.api('PUT', `/api/v1/teams/${teamId}`, acme);
    expect(await teamTold(product, event.id)).toBe(teamId);
  });

  test('may appear at the very moment of the event: none stays parked', async () => {
    const races = Array.from({ length: 15 }, () => {
      const [teamId, customer] = [newId('team'), newId('cus')];
      const events = [eventOf({ customer }), eventOf({ customer }), eventOf({ customer })];
      const named = { name: 'Acme', adminEmail: 'admin@acme.example', stripeCustomerId: customer };
      return { teamId, events, put: () => product.api('PUT', `/api/v1/teams/${teamId}`, named) };
    });
    await Promise.all(
      races.flatMap(({ put, events: [first, second, third] }) => [
        deliver(first ?? {}),
        put(),
        deliver(second ?? {}),
        deliver(third ?? {}),
      ]),
    );
    const parked = (await listed(product, 'parked')).map(({ id }) => id);
    for (const { teamId, events } of races) {
      for (const { id } of events) {
        expect(parked).not.toContain(id);
        expect(await teamTold(product, id)).toBe(teamId);
      }
    }
  });

  test('may become known by what its workflow reads: its other events follow', async () => {
    const teamId = await freeTeam(product);
    const customer = await product.stripe.customers.create({
      payment_method: 'pm_card_visa',
      invoice_settings: { default_payment_method: 'pm_card_visa' },
    });
    const parkedOfCustomer = async () =>
      (await listed(product, 'parked')).filter(({ customerId }) => customerId === customer.id);
    await vi.waitFor(async () => expect(await parkedOfCustomer()).not.toEqual([]));
    await product.startWorker();
    await product.stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: 'price_sandbox_pro' }],
      metadata: { team_id: teamId },
    });
    await product.until(teamId, ({ stripeCustomerId }) =>
      expect(stripeCustomerId).toBe(customer.id),
    );
    await vi.waitFor(async () => expect(await parkedOfCustomer()).toEqual([]));
  });
});

test('a type that nothing is done about is stored and left alone', async () => {
  const teamId = await freeTeam(product);
  const event = eventOf({ metadata: { team_id: teamId } }, { type: 'charge.succeeded' });
  expect((await deliver(event)).status).toBe(200);
  expect((await ledgerOf(product))['stripe_events']?.join()).toContain(event.id);
  for (const status of ['parked', 'waiting', 'delivered']) {
    expect((await listed(product, status)).map(({ id }) => id)).not.toContain(event.id);
  }
});

test.each([
  'payment_method.updated',
  'customer.subscription.trial_will_end',
  'customer.subscription.pending_update_applied',
  'customer.subscription.pending_update_expired',
  'charge.refunded',
])('%s is told to the team of its customer (R18)', async (type) => {
  const teamId = await freeTeam(product);
  const event = eventOf({ customer: await customerOf(teamId) }, { type });
  expect((await deliver(event)).status).toBe(200);
  expect(await teamTold(product, event.id)).toBe(teamId);
});

test.each(['created', 'updated', 'released', 'canceled', 'completed', 'aborted'])(
  'subscription_schedule.%s is about the subscription that it names, if it still does (R16)',
  async (name) => {
    const customer = await customerOf(await freeTeam(product));
    const subscription = name === 'released' ? null : newId('sub');
    const schedule = { object: 'subscription_schedule', id: newId('sub_sched') };
    const event = eventOf(
      { ...schedule, customer, subscription },
      { type: `subscription_schedule.${name}` },
    );
    expect((await deliver(event)).status).toBe(200);
    await teamTold(product, event.id);
    expect((await listed(product, 'delivered')).find(({ id }) => id === event.id)).toMatchObject({
      customerId: customer,
      objectId: subscription,
    });
  },
);

test('an event of another API version is taken all the same, and counted (R19)', async () => {
  const teamId = await freeTeam(product);
  const version = '2020-08-27';
  const more = { type: 'customer.subscription.updated', api_version: version };
  const event = eventOf({ metadata: { team_id: teamId }, plan: 'of long ago' }, more);
  expect((await deliver(event)).status).toBe(200);
  expect(await teamTold(product, event.id)).toBe(teamId);
  const name = `tagih_stripe_events_of_another_version_total{version="${version}"}`;
  expect(await metric(product, name)).toBe(1);
});

describe('the list of events', () => {
  test('goes page by page, oldest first, and holds each once', async () => {
    const whole = await listed(product, 'delivered');
    const seen: ListedEvent[] = [];
    for (let cursor = ''; ; ) {
      const path = `/api/v1/stripe-events?status=delivered&limit=7${cursor}`;
      const { body } = await product.api('GET', path);
      seen.push(...body.items);
      if (body.nextCursor === null) break;
      cursor = `&cursor=${body.nextCursor}`;
    }
    expect(seen).toEqual(whole);
  });

  const cursorOf = (position: object) =>
    Buffer.from(JSON.stringify(position)).toString('base64url');

  test.each([
    ['', 'status'],
    ['status=lost', 'status'],
    ['status=parked&cursor=x', 'cursor'],
    [
      `status=parked&cursor=${cursorOf({ receivedAt: '2026-11-01T00:00:00Z', id: '\0' })}`,
      'cursor',
    ],
  ])('asked for «%s» says what is wrong', async (query, path) => {
    const { status, body } = await product.api('GET', `/api/v1/stripe-events?${query}`);
    expect({ status, paths: body.errors }).toEqual({
      status: 400,
      paths: [{ path, message: expect.any(String) }],
    });
  });
});
