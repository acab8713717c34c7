import { randomUUID } from 'node:crypto';
import { createTagih, type TagihOptions } from 'tagih/client';
import { afterEach, describe, expect, test } from 'vitest';
import { KEY, sharedProduct } from '../support/product.js';
import { freeTeam } from '../support/stories.js';
import { problem, type Received, type Reply, type Stand, startStand } from './stand.js';

const product = sharedProduct();

let stand: Stand;
afterEach(() => stand.close());

async function client(
  behave: (request: Received) => Promise<Reply>,
  options: Partial<TagihOptions> = {},
) {
  stand = await startStand(product.url, behave);
  return createTagih({ url: stand.url, apiKey: KEY, ...options });
}

const usedBy = async (teamId: string) =>
  (await product.api('GET', `/api/v1/teams/${teamId}/usage`)).body.usedTokens;

/** What an attempt may meet. The first two lose the request, the others only its answer. */
const faults: Record<string, (request: Received) => Promise<Reply>> = {
  'a connection that breaks before the request was taken': async () => 'cut',
  '503 with retry-after': async () => problem(503, 'overloaded', { 'retry-after': '0' }),
  '429 without one': async () => problem(429, 'slow_down'),
  'a connection that breaks after the request was taken': async (request) => {
    await request.forward();
    return 'cut';
  },
  'an answer that ends in the middle': async (request) => {
    await request.forward();
    return 'torn';
  },
  '502 of a gateway': async (request) => {
    await request.forward();
    return { status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>Bad Gateway</h1>' };
  },
  '504 of a gateway': async (request) => {
    await request.forward();
    return { status: 504, body: '' };
  },
};

describe('a use is recorded once (R9), whatever its first attempts meet', () => {
  test.each(Object.entries(faults))('%s', async (_, fault) => {
    const teamId = await freeTeam(product);
    const tagih = await client((request) =>
      stand.received.length <= 2 ? fault(request) : request.forward(),
    );
    const { usedTokens, idempotencyKey } = await tagih.track({ teamId, tokens: 5 });
    expect(usedTokens).toBe(5);
    expect(stand.sent().map(([event]) => event?.idempotencyKey)).toEqual(
      Array(3).fill(idempotencyKey),
    );
    expect(new Set(stand.received.map(({ body }) => body)).size).toBe(1);
  });
});

test('nothing is lost and nothing counted twice when every second request meets a fault (R9, R10)', async () => {
  const teamId = await freeTeam(product);
  const kinds = Object.values(faults);
  const tagih = await client(async (request) => {
    const nth = stand.received.length;
    const fault = kinds[(nth >> 1) % kinds.length];
    return nth % 2 === 1 && fault ? fault(request) : request.forward();
  });
  let tokens = 0;
  const calls: Promise<unknown>[] = [];
  for (let round = 0; round < 20; round += 1) {
    for (let one = 0; one < 15; one += 1) {
      tokens += round + one + 1;
      calls.push(tagih.track({ teamId, tokens: round + one + 1 }));
    }
    tokens += 30;
    calls.push(tagih.trackMany(Array.from({ length: 30 }, () => ({ teamId, tokens: 1 }))));
    await calls.at(-16 + (round % 16));
  }
  await tagih.close();
  await Promise.all(calls);
  expect(await usedBy(teamId)).toBe(tokens);
  const { rows } = await product.pool.query(
    'select count(*)::int as events from tagih.usage_events where team_id = $1',
    [teamId],
  );
  expect(rows).toEqual([{ events: 20 * 45 }]);
});

test('one that failed goes again with those that came meanwhile, before them', async () => {
  const teamId = await freeTeam(product);
  const tagih = await client(async (request) =>
    stand.received.length === 1 ? problem(503, 'overloaded') : request.forward(),
  );
  await Promise.all([1, 2, 3].map((tokens) => tagih.track({ teamId, tokens })));
  expect(stand.sent().map((events) => events.map(({ tokens }) => tokens))).toEqual([
    [1],
    [1, 2, 3],
  ]);
});

test('retry-after is honoured, as seconds and as a date', async () => {
  const teamId = await freeTeam(product);
  const at: number[] = [];
  const tagih = await client(async (request) => {
    at.push(Date.now());
    if (at.length === 1) return problem(503, 'overloaded', { 'retry-after': '1' });
    if (at.length > 2) return request.forward();
    const date = new Date(Date.now() + 2_000).toUTCString();
    return problem(429, 'slow_down', { 'retry-after': date });
  });
  await tagih.track({ teamId, tokens: 1 });
  const [first = 0, second = 0, third = 0] = at;
  expect(second - first).toBeGreaterThanOrEqual(1_000);
  // A date has no milliseconds.
  expect(third - second).toBeGreaterThanOrEqual(1_000);
});

test('an attempt that hangs is given up, and made again', async () => {
  const teamId = await freeTeam(product);
  const tagih = await client(
    async (request) => (stand.received.length === 1 ? new Promise(() => {}) : request.forward()),
    { attemptTimeoutMs: 200 },
  );
  expect(await tagih.track({ teamId, tokens: 1 })).toMatchObject({ usedTokens: 1 });
});

describe('an outage', () => {
  const away = async (): Promise<Reply> => problem(503, 'database_unavailable');

  test('longer than the patience rejects each event, with what is needed to send it again', async () => {
    const teamId = await freeTeam(product);
    const tagih = await client(away, { retryForMs: 300 });
    const events = [1, 2, 3].map((tokens) => ({ teamId, tokens, idempotencyKey: randomUUID() }));
    const began = Date.now();
    const outcomes = await Promise.allSettled(events.map((event) => tagih.track(event)));
    expect(Date.now() - began).toBeLessThan(5_000);
    expect(stand.received.length).toBeGreaterThan(1);
    expect(outcomes).toEqual(
      events.map((event) => ({
        status: 'rejected',
        reason: expect.objectContaining({ status: 503, code: 'database_unavailable', event }),
      })),
    );
  });

  test('makes trackMany say which events are not acknowledged', async () => {
    const teamId = await freeTeam(product);
    const tagih = await client(
      async (request) => (stand.received.length === 1 ? request.forward() : away()),
      { retryForMs: 300 },
    );
    const results = await tagih.trackMany(Array(1_500).fill({ teamId, tokens: 1 }));
    const count = (wanted: string) => results.filter(({ result }) => result === wanted).length;
    expect([count('recorded'), count('unacknowledged')]).toEqual([1_000, 500]);
  });

  test('with a retry-after beyond the patience is told at once', async () => {
    const tagih = await client(async () => problem(503, 'overloaded', { 'retry-after': '3600' }));
    await expect(tagih.track({ teamId: 'acme', tokens: 1 })).rejects.toMatchObject({
      status: 503,
      retryAfterMs: 3_600_000,
    });
    await expect(tagih.access('acme')).rejects.toMatchObject({ status: 503 });
    expect(stand.received).toHaveLength(2);
  });

  test('of the whole server is an error without a status', async () => {
    const tagih = await client(away, { retryForMs: 100 });
    await stand.close();
    const error = { name: 'TagihError', status: 0, code: 'no_answer' };
    await expect(tagih.track({ teamId: 'acme', tokens: 1 })).rejects.toMatchObject(error);
    await expect(tagih.usage('acme')).rejects.toMatchObject(error);
    stand = await startStand(product.url, away);
  });
});

describe('what may not be tried again is tried once', () => {
  test.each([400, 401, 403, 404, 409, 413, 415, 500])('%s', async (status) => {
    const tagih = await client(async () => problem(status, 'refused'));
    const error = { status, code: 'refused', detail: 'It is refused.' };
    await expect(tagih.track({ teamId: 'acme', tokens: 1 })).rejects.toMatchObject(error);
    await expect(tagih.access('acme')).rejects.toMatchObject(error);
    expect(stand.received).toHaveLength(2);
  });

  const strange: [string, Reply][] = [
    ['a page', { status: 200, headers: { 'content-type': 'text/html' }, body: '<h1>Hi</h1>' }],
    ['nothing', { status: 204, body: '' }],
    ['JSON of others', { status: 200, body: '{"ok":true}' }],
    ['a redirect', { status: 301, headers: { location: '/elsewhere' }, body: '' }],
  ];
  test.each(strange)('%s is never taken for an acknowledgement', async (_, reply) => {
    const tagih = await client(async () => reply);
    const outcomes = await Promise.allSettled(
      [1, 2, 3].map((tokens) => tagih.track({ teamId: 'acme', tokens })),
    );
    const reason = expect.objectContaining({ code: 'unexpected_answer' });
    expect(outcomes).toEqual(Array(3).fill({ status: 'rejected', reason }));
    expect(stand.received.map(({ path }) => path)).toEqual([
      '/api/v1/usage',
      '/api/v1/usage/batch',
    ]);
  });
});

test('access and usage are asked again as well', async () => {
  const teamId = await freeTeam(product);
  const kinds = Object.values(faults).slice(2, 6);
  const tagih = await client(async (request) => {
    const fault = kinds[stand.received.length - 1];
    return fault ? fault(request) : request.forward();
  });
  expect(await tagih.access(teamId)).toMatchObject({ allowed: true });
  expect(stand.received.length).toBe(kinds.length + 1);
  expect(await tagih.usage(teamId)).toMatchObject({ usedTokens: 0 });
});
