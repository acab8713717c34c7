import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { periodAt } from '../../src/domain/period.js';
import { sharedProduct } from '../support/product.js';
import { freeTeam, unpaid } from '../support/stories.js';

// The first strike lasts as long as the tests.
const product = sharedProduct({ DUNNING_INTERVALS: '1h,1h' });
let debtor: Awaited<ReturnType<typeof unpaid>>;
beforeAll(async () => {
  debtor = await unpaid(product);
});

const resetsAt = periodAt(new Date(), 'Asia/Jakarta').end.toISOString();
const newId = () => `team_${randomUUID().slice(0, 8)}`;
const newCustomer = async () => (await product.stripe.customers.create({})).id;
const acme = { name: 'Acme', adminEmail: 'admin@acme.example' };
const put = (teamId: string, body: object) => product.api('PUT', `/api/v1/teams/${teamId}`, body);
const get = (path: string) => product.api('GET', `/api/v1/teams${path}`);

describe('PUT', () => {
  test('creates a team on Free, then updates it, and shows it whole', async () => {
    const teamId = newId();
    const created = await put(teamId, acme);
    expect(created.status).toBe(201);
    expect(created.body).toEqual({
      teamId,
      name: 'Acme',
      tier: 'free',
      subscriptionStatus: 'none',
      stripeCustomerId: null,
      stripeSubscriptionId: null,
      currentPeriodEnd: null,
      cancelAt: null,
      pendingPlan: null,
      dunning: null,
      access: {
        allowed: true,
        overageAllowed: false,
        ai: 'full',
        dashboard: 'open',
        reason: 'ok',
        remainingTokens: 500,
        resetsAt,
        fix: null,
      },
    });
    const updated = await put(teamId, { ...acme, name: 'Acme & Söhne' });
    expect(updated.status).toBe(200);
    expect(updated.body).toEqual({ ...created.body, name: 'Acme & Söhne' });
    expect((await get(`/${teamId}`)).body).toEqual(updated.body);
  });

  test('without a customer keeps the one there is', async () => {
    const teamId = newId();
    const stripeCustomerId = await newCustomer();
    await put(teamId, { ...acme, stripeCustomerId });
    const { body } = await put(teamId, acme);
    expect(body.stripeCustomerId).toBe(stripeCustomerId);
  });

  test("refuses another team's customer by name, and changes nothing", async () => {
    const [owner, other] = [newId(), newId()];
    const stripeCustomerId = await newCustomer();
    await put(owner, { ...acme, stripeCustomerId });
    await put(other, acme);
    const { status, body } = await put(other, { ...acme, name: 'Thief', stripeCustomerId });
    expect({ status, code: body.code }).toEqual({ status: 409, code: 'customer_taken' });
    expect((await get(`/${other}`)).body).toMatchObject({ name: 'Acme', stripeCustomerId: null });
  });

  test('at once creates one team, and gives a customer to one', async () => {
    const teamId = newId();
    const same = await Promise.all(Array.from({ length: 10 }, () => put(teamId, acme)));
    expect(same.map(({ status }) => status).toSorted()).toEqual([...Array(9).fill(200), 201]);

    const wanted = { ...acme, stripeCustomerId: await newCustomer() };
    const rivals = await Promise.all(Array.from({ length: 10 }, () => put(newId(), wanted)));
    expect(rivals.map(({ status }) => status).toSorted()).toEqual([201, ...Array(9).fill(409)]);
  });

  test.each([
    ['no name', { name: undefined }, 'name'],
    ['an empty name', { name: '' }, 'name'],
    ['a name with a NUL', { name: 'A\u0000' }, 'name'],
    ['a long name', { name: 'x'.repeat(201) }, 'name'],
    ['no address', { adminEmail: undefined }, 'adminEmail'],
    ['what is no address', { adminEmail: 'acme' }, 'adminEmail'],
    ['two addresses', { adminEmail: 'a@acme.example,b@acme.example' }, 'adminEmail'],
    [
      'a header in the address',
      { adminEmail: 'a@acme.example\r\nbcc: b@acme.example' },
      'adminEmail',
    ],
    ['what is no customer', { stripeCustomerId: 'sub_1' }, 'stripeCustomerId'],
    ['a customer of null', { stripeCustomerId: null }, 'stripeCustomerId'],
    ['an unknown field', { tier: 'enterprise' }, 'tier'],
  ])('with %s is refused, and creates nothing', async (_, fault, path) => {
    const teamId = newId();
    const { status, body } = await put(teamId, { ...acme, ...fault });
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'invalid_request' });
    expect(body.errors).toEqual([{ path, message: expect.any(String) }]);
    expect((await get(`/${teamId}`)).status).toBe(404);
  });

  test.each([
    ['a%20b', 'invalid_request'],
    ['x'.repeat(65), 'invalid_request'],
    ['%00', 'invalid_request'],
    ['%E0%A4%A', 'malformed_path'],
  ])('of the id %s is refused', async (teamId, code) => {
    const { status, body } = await put(teamId, acme);
    expect({ status, code: body.code }).toEqual({ status: 400, code });
  });
});

test('a team whose payment failed shows its ladder (R22, R25)', async () => {
  const { id: invoiceId, hosted_invoice_url: hostedInvoiceUrl } =
    await product.stripe.invoices.retrieve(debtor.invoiceId);
  const { body } = await get(`/${debtor.teamId}`);
  expect(body).toMatchObject({
    tier: 'pro',
    subscriptionStatus: 'past_due',
    stripeCustomerId: debtor.customerId,
    stripeSubscriptionId: debtor.subscriptionId,
    currentPeriodEnd: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  });
  const { since } = body.dunning;
  expect(body.dunning).toEqual({
    strike: 1,
    invoiceId,
    since,
    nextAttemptAt: new Date(Date.parse(since) + 3_600_000).toISOString(),
    paused: false,
    invoices: [
      {
        invoiceId,
        strike: 1,
        amountDue: { amount: 29_900_000, currency: 'idr', display: 'Rp\u00a0299.000' },
        since,
        hostedInvoiceUrl,
      },
    ],
  });
  expect(body.access).toMatchObject({ allowed: true, ai: 'full', dashboard: 'open', reason: 'ok' });
});

describe('the list', () => {
  const ids = (answer: { body: { items: { teamId: string }[] } }) =>
    answer.body.items.map(({ teamId }) => teamId);

  test('holds every team once, page by page, in the order of ids', async () => {
    await Promise.all(Array.from({ length: 5 }, () => freeTeam(product)));
    const whole = await get('?limit=100');
    expect(whole.body.nextCursor).toBeNull();

    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const page = await get(`?limit=2${cursor}`);
      seen.push(...ids(page));
      if (page.body.nextCursor === null) break;
      expect(page.body.items).toHaveLength(2);
      cursor = `&cursor=${page.body.nextCursor}`;
    }
    expect(seen).toEqual(ids(whole));
    expect(seen).toEqual([...new Set(seen)].toSorted());
  });

  test('shows teams as GET does', async () => {
    const { body } = await get('?limit=1');
    expect(body.items[0]).toEqual((await get(`/${body.items[0].teamId}`)).body);
  });

  test.each(['tier=pro', 'subscriptionStatus=past_due', 'strike=1', 'tier=pro&strike=1'])(
    'can be asked for %s',
    async (filter) => {
      expect(ids(await get(`?${filter}`))).toEqual([debtor.teamId]);
    },
  );

  test('is empty where nothing fits', async () => {
    const { body } = await get('?tier=enterprise');
    expect(body).toEqual({ items: [], nextCursor: null });
  });

  const cursorOf = (position: unknown) =>
    Buffer.from(JSON.stringify(position)).toString('base64url');

  test.each([
    ['tier=gold', 'tier'],
    ['subscriptionStatus=late', 'subscriptionStatus'],
    ['strike=4', 'strike'],
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=many', 'limit'],
    ['plan=pro', 'plan'],
    ['tier=pro&tier=free', 'tier'],
    ['cursor=abc', 'cursor'],
    [`cursor=${cursorOf(5)}`, 'cursor'],
    [`cursor=${cursorOf('a\u0000')}`, 'cursor'],
  ])('asked for %s says what is wrong with it', async (query, path) => {
    const { status, body } = await get(`?${query}`);
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'invalid_request' });
    expect(body.errors).toEqual([{ path, message: expect.any(String) }]);
  });
});

describe('access', () => {
  test('is what fits into what remains, on Free (R3, R30)', async () => {
    const teamId = await freeTeam(product);
    const ask = async (query: string) => (await get(`/${teamId}/access${query}`)).body;
    expect(await ask('?tokens=500')).toMatchObject({ allowed: true, reason: 'ok' });
    expect(await ask('?tokens=501')).toEqual({
      allowed: false,
      overageAllowed: false,
      ai: 'exhausted',
      dashboard: 'open',
      reason: 'free_limit_reached',
      remainingTokens: 500,
      resetsAt,
      fix: 'upgrade',
    });
    await product.api('POST', '/api/v1/usage', { teamId, idempotencyKey: 'k', tokens: 499 });
    expect(await ask('')).toMatchObject({ allowed: true, remainingTokens: 1 });
    expect(await ask('?tokens=2')).toMatchObject({ allowed: false, remainingTokens: 1 });
  });

  test('of a plan with overage is never short of tokens, nor at the first strike (R30)', async () => {
    const { body } = await get(`/${debtor.teamId}/access?tokens=1000000000`);
    expect(body).toMatchObject({ allowed: true, overageAllowed: true, remainingTokens: 50_000 });
  });

  test.each(['0', '-1', '1.5', 'many', '', '1000000001'])('of %j tokens is refused', async (n) => {
    const { status, body } = await get(`/${debtor.teamId}/access?tokens=${n}`);
    expect(status).toBe(400);
    expect(body.errors).toContainEqual({ path: 'tokens', message: expect.any(String) });
  });
});

test('the timeline tells what happened, latest first, page by page', async () => {
  const path = `/${debtor.teamId}/timeline`;
  const whole = (await get(path)).body.items;
  expect(whole.length).toBeGreaterThan(1);
  for (const entry of whole) {
    expect(entry).toEqual({
      at: expect.stringMatching(/Z$/),
      kind: expect.stringMatching(/^[a-z_]+$/),
      summary: expect.any(String),
      cause: expect.any(String),
      actor: expect.any(String),
      details: expect.any(Object),
    });
  }
  const times = whole.map(({ at }: { at: string }) => at);
  expect(times).toEqual(times.toSorted().toReversed());

  const first = (await get(`${path}?limit=1`)).body;
  const rest = (await get(`${path}?cursor=${first.nextCursor}`)).body;
  expect([...first.items, ...rest.items]).toEqual(whole);
});

test.each(['2026-13', '2026', '0000-01', '9999-12', 'now'])('%s is no period', async (period) => {
  const { status, body } = await get(`/${debtor.teamId}/usage?period=${period}`);
  expect({ status, errors: body.errors }).toEqual({
    status: 400,
    errors: [{ path: 'period', message: 'must be a month, YYYY-MM' }],
  });
});

test.each(['', '/access', '/usage', '/timeline', '/usage-billings'])(
  'GET …%s of a team that nobody knows is 404',
  async (path) => {
    const { status, body } = await get(`/nobody${path}`);
    expect({ status, code: body.code }).toEqual({ status: 404, code: 'unknown_team' });
  },
);
