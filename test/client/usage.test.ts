import { randomUUID } from 'node:crypto';
import { createTagih, type TagihError } from 'tagih/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { periodAt, previousPeriod } from '../../src/domain/period.js';
import { cli } from '../support/cli.js';
import { KEY, sharedProduct } from '../support/product.js';
import { freeTeam, subscriber } from '../support/stories.js';
import { type Stand, startStand } from './stand.js';

const ZONE = 'Asia/Jakarta';
const open = periodAt(new Date(), ZONE);
const last = previousPeriod(open, ZONE);

const product = sharedProduct();
let stand: Stand;
beforeAll(async () => {
  stand = await startStand(product.url, (request) => request.forward());
});
afterAll(() => stand.close());

/** A client whose requests can be counted. */
function client(apiKey = KEY) {
  stand.received.splice(0);
  return createTagih({ url: stand.url, apiKey });
}

const usedBy = async (teamId: string) =>
  (await product.api('GET', `/api/v1/teams/${teamId}/usage`)).body.usedTokens;

test('a use is recorded, and answered with its totals', async () => {
  const teamId = await freeTeam(product);
  const event = { teamId, idempotencyKey: 'größe/№ 1', tokens: 300, metadata: { model: 'large' } };
  const tracked = {
    result: 'recorded',
    teamId,
    idempotencyKey: 'größe/№ 1',
    period: open.id,
    usedTokens: 300,
    tokenLimit: 500,
    remainingTokens: 200,
    overageTokens: 0,
    overageCost: { amount: 0, currency: 'idr', display: 'Rp\u00a00' },
    resetsAt: open.end.toISOString(),
  };
  const tagih = client();
  expect(await tagih.track(event)).toEqual(tracked);
  expect(await tagih.track(event)).toEqual({ ...tracked, result: 'duplicate' });
  expect(await usedBy(teamId)).toBe(300);
});

test('without a key of its own each use gets one', async () => {
  const teamId = await freeTeam(product);
  const tagih = client();
  const first = await tagih.track({ teamId, tokens: 1 });
  const second = await tagih.track({ teamId, tokens: 1 });
  expect(first.idempotencyKey).not.toBe(second.idempotencyKey);
  expect(second).toMatchObject({ result: 'recorded', usedTokens: 2 });
});

test('what comes while a request is under way shares the next one', async () => {
  const [one, other] = await Promise.all([freeTeam(product), freeTeam(product)]);
  const tagih = client();
  const events = Array.from({ length: 50 }, (_, index) => ({
    teamId: index % 2 === 0 ? one : other,
    idempotencyKey: `k${index}`,
    tokens: index + 1,
  }));
  const answers = await Promise.all(events.map((event) => tagih.track(event)));
  expect(stand.sent().map(({ length }) => length)).toEqual([1, 49]);
  expect(stand.received.map(({ path }) => path)).toEqual(['/api/v1/usage', '/api/v1/usage/batch']);
  expect(answers.map(({ idempotencyKey }) => idempotencyKey)).toEqual(
    events.map(({ idempotencyKey }) => idempotencyKey),
  );
  // Those of a batch see the total after it: 1 + 3 + … + 49 and 2 + 4 + … + 50.
  expect(answers[2]).toMatchObject({ result: 'recorded', teamId: one, usedTokens: 625 });
  expect(answers[3]).toMatchObject({ result: 'recorded', teamId: other, usedTokens: 650 });
});

test('a late use is answered with the totals of its own period, in a batch too (R12)', async () => {
  const teamId = await freeTeam(product);
  const tagih = client();
  const occurredAt = last.start.toISOString();
  const [, now, then] = await Promise.all([
    tagih.track({ teamId, tokens: 1 }),
    tagih.track({ teamId, tokens: 10 }),
    tagih.track({ teamId, tokens: 100, occurredAt }),
  ]);
  expect(stand.received).toHaveLength(2);
  expect(now).toMatchObject({ period: open.id, usedTokens: 11 });
  expect(then).toMatchObject({ period: last.id, usedTokens: 100 });
});

describe('what is refused', () => {
  interface Refusal {
    event: { teamId?: string; tokens?: number; idempotencyKey?: string };
    status: number;
    code: string;
  }
  const refusals: Refusal[] = [
    { event: { tokens: 0 }, status: 400, code: 'invalid_request' },
    { event: { tokens: Number.NaN }, status: 400, code: 'invalid_request' },
    { event: { teamId: 'nobody' }, status: 404, code: 'unknown_team' },
    { event: { idempotencyKey: 'taken' }, status: 409, code: 'idempotency_conflict' },
  ];

  test('rejects its own caller, by itself and in a batch alike (R11)', async () => {
    const teamId = await freeTeam(product);
    const tagih = client();
    await tagih.track({ teamId, idempotencyKey: 'taken', tokens: 7 });
    const bad = refusals.map(({ event }) => ({
      teamId,
      idempotencyKey: randomUUID(),
      tokens: 1,
      ...event,
    }));
    const expected = refusals.map(({ status, code }, index) => {
      const event = JSON.parse(JSON.stringify(bad[index]));
      return expect.objectContaining({ name: 'TagihError', status, code, event });
    });

    for (const [index, event] of bad.entries()) {
      await expect(tagih.track(event)).rejects.toEqual(expected[index]);
    }
    const good = { teamId, tokens: 1 };
    stand.received.splice(0);
    const outcomes = await Promise.allSettled(
      [good, ...bad, good].map((event) => tagih.track(event)),
    );
    expect(stand.sent().map(({ length }) => length)).toEqual([1, 5]);
    expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual([
      true,
      ...bad.map(() => false),
      true,
    ]);
    const reasons = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    expect(reasons).toEqual(expected);
    expect(await usedBy(teamId)).toBe(9);
  });

  test('names the fields', async () => {
    const teamId = await freeTeam(product);
    await expect(client().track({ teamId, tokens: 0.5 })).rejects.toMatchObject({
      errors: [{ path: 'tokens', message: 'must be a whole number' }],
    });
  });

  test('for want of a key is told at once, to all who share the request', async () => {
    const teamId = await freeTeam(product);
    const tagih = client('tagih_nobody');
    const outcomes = await Promise.allSettled(
      [1, 2, 3].map((tokens) => tagih.track({ teamId, tokens })),
    );
    const refusal = expect.objectContaining({ status: 401, code: 'unauthorized' });
    expect(outcomes).toEqual(Array(3).fill({ status: 'rejected', reason: refusal }));
    expect(stand.received).toHaveLength(2);
    await expect(tagih.access(teamId)).rejects.toEqual(refusal);
  });

  test('because the key is of another team has the same code in a batch', async () => {
    const [own, foreign] = await Promise.all([freeTeam(product), freeTeam(product)]);
    const { stdout } = await cli(
      product,
      ...['keys', 'create', '--name', 'bound', '--scope', 'usage:write', '--team', own, '--json'],
    );
    const tagih = client(JSON.parse(stdout).key);
    const results = await tagih.trackMany([
      { teamId: own, tokens: 1 },
      { teamId: foreign, tokens: 1 },
    ]);
    expect(results).toEqual([
      expect.objectContaining({ result: 'recorded' }),
      expect.objectContaining({
        result: 'invalid',
        error: expect.objectContaining({ status: 403, code: 'forbidden_team' }),
      }),
    ]);
  });

  test('is never sent when it cannot be written', async () => {
    const metadata: Record<string, string> = {};
    Object.defineProperty(metadata, 'model', {
      enumerable: true,
      get: () => {
        throw new Error('no model');
      },
    });
    const tagih = client();
    const event = { teamId: 'acme', tokens: 1, metadata };
    await expect(tagih.track(event)).rejects.toMatchObject({ status: 0, code: 'invalid_request' });
    const [result] = await tagih.trackMany([event]);
    expect(result).toMatchObject({ result: 'invalid', teamId: 'acme' });
    expect(stand.received).toEqual([]);
  });
});

describe('trackMany', () => {
  test('takes any number, cuts them into batches, and answers each in order (R11)', async () => {
    const { teamId } = await subscriber(product);
    const events = Array.from({ length: 2_300 }, (_, index) => ({
      teamId: index === 1_500 ? 'nobody' : teamId,
      idempotencyKey: index === 2_000 ? 'k7' : `k${index}`,
      tokens: 1 + (index % 7),
    }));
    const tagih = client();
    const results = await tagih.trackMany(events);
    expect(stand.sent().map(({ length }) => length)).toEqual([1_000, 1_000, 300]);
    expect(results).toHaveLength(2_300);
    const others = results.flatMap(({ result }, index) =>
      result === 'recorded' ? [] : [`${index} ${result}`],
    );
    expect(others).toEqual(['1500 unknown_team', '2000 conflict']);
    const recorded = events.filter((_, index) => results[index]?.result === 'recorded');
    const sum = recorded.reduce((total, { tokens }) => total + tokens, 0);
    expect(await usedBy(teamId)).toBe(sum);
    expect(results.at(-1)).toMatchObject({ idempotencyKey: 'k2299', usedTokens: sum });
  });

  test('keeps each batch below what the route takes', async () => {
    const teamId = await freeTeam(product);
    const metadata = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [`key-${index}`, 'ü'.repeat(200)]),
    );
    const tagih = client();
    const results = await tagih.trackMany(Array(600).fill({ teamId, tokens: 1, metadata }));
    expect(results.map(({ result }) => result)).toEqual(Array(600).fill('recorded'));
    const sizes = stand.received.map(({ body }) => Buffer.byteLength(body));
    expect(sizes.length).toBeGreaterThan(2);
    expect(Math.max(...sizes)).toBeLessThan(2_000_000 + 1_000);
    expect(await usedBy(teamId)).toBe(600);
  });

  test('sends one that is larger than any batch by itself, and it fails alone', async () => {
    const teamId = await freeTeam(product);
    const huge = { teamId, tokens: 1, metadata: { model: 'x'.repeat(3_000_000) } };
    const results = await client().trackMany([{ teamId, tokens: 1 }, huge, { teamId, tokens: 1 }]);
    expect(results.map(({ result }) => result)).toEqual(['recorded', 'invalid', 'recorded']);
  });

  test('of nothing asks nothing', async () => {
    expect(await client().trackMany([])).toEqual([]);
    expect(stand.received).toEqual([]);
  });
});

test('access and usage are those of the API', async () => {
  const teamId = await freeTeam(product);
  const tagih = client();
  await tagih.track({ teamId, tokens: 450, metadata: { model: 'large' } });
  const path = `/api/v1/teams/${teamId}`;
  const [access, more, usage, models, before] = await Promise.all([
    tagih.access(teamId),
    tagih.access(teamId, { tokens: 51 }),
    tagih.usage(teamId),
    tagih.usage(teamId, { groupBy: 'model' }),
    tagih.usage(teamId, { period: last.id }),
  ]);
  expect(access).toEqual((await product.api('GET', `${path}/access`)).body);
  expect(access.allowed).toBe(true);
  expect(more).toMatchObject({ allowed: false, reason: 'free_limit_reached' });
  expect(usage).toEqual((await product.api('GET', `${path}/usage`)).body);
  expect(models.groups).toEqual([{ key: 'large', tokens: 450 }]);
  expect(before).toMatchObject({ period: last.id, usedTokens: 0 });
  await expect(tagih.access('a/../b?')).rejects.toMatchObject({ status: 400 });
  await expect(tagih.usage('nobody')).rejects.toMatchObject({ status: 404, code: 'unknown_team' });
});

test('what cannot work is refused when the client is made', () => {
  expect(() => createTagih({ url: 'localhost', apiKey: KEY })).toThrow(TypeError);
  expect(() => createTagih({ url: stand.url, apiKey: '' })).toThrow(TypeError);
  expect(() => createTagih({ url: stand.url, apiKey: 'with\nbreak' })).toThrow(TypeError);
});

test('an error never holds the key', async () => {
  const error: TagihError = await client('tagih_secret')
    .track({ teamId: 'acme', tokens: 1 })
    .then(
      () => expect.fail('it was taken'),
      (error) => error,
    );
  expect(JSON.stringify(error) + error.stack).not.toContain('tagih_secret');
});
