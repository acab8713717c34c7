import { createHash, randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Scope } from '../../src/db/apiKeys.js';
import { createApiKey } from '../../src/services/apiKeys.js';
import { cli } from '../support/cli.js';
import { ledgerOf } from '../support/ledger.js';
import { sharedProduct, startProduct } from '../support/product.js';
import { send } from '../support/send.js';
import { freeTeam } from '../support/stories.js';

type Created = Awaited<ReturnType<typeof createApiKey>>;

const ALL: readonly Scope[] = ['usage:write', 'teams:read', 'teams:write', 'operate'];

const product = sharedProduct({}, { worker: false });
let own: string;
let other: string;
let reader: Created;
let recorder: Created;
let bound: Created;
beforeAll(async () => {
  [own, other] = await Promise.all([freeTeam(product), freeTeam(product)]);
  [reader, recorder, bound] = await Promise.all([
    createApiKey(product.pool, { name: 'reader', scopes: ['teams:read'], teamId: null }),
    createApiKey(product.pool, { name: 'recorder', scopes: ['usage:write'], teamId: null }),
    createWithCli('bound', own),
  ]);
});

/** A key with every scope for one team. */
async function createWithCli(name: string, team: string): Promise<Created> {
  const given = ALL.flatMap((scope) => ['--scope', scope]);
  const args = ['create', '--name', name, ...given, '--team', team, '--json'];
  const { stdout } = await cli(product, 'keys', ...args);
  return JSON.parse(stdout);
}

const event = (teamId: string) => ({ teamId, idempotencyKey: randomUUID(), tokens: 1 });
const acme = { name: 'Acme', adminEmail: 'admin@acme.example' };

test('the CLI shows a new key once, and only its hash is kept', async () => {
  expect(bound).toEqual({
    id: expect.stringMatching(/^key_/),
    name: 'bound',
    key: expect.stringMatching(/^tagih_[\w-]{43}$/),
    scopes: ALL,
    teamId: own,
  });
  const everything = JSON.stringify(await ledgerOf(product));
  for (const { key } of [reader, recorder, bound]) {
    expect(everything).not.toContain(key);
    expect(everything).toContain(createHash('sha256').update(key).digest('hex'));
  }
  const { stdout } = await cli(product, 'keys', 'list', '--json');
  const listed = JSON.parse(stdout).find(({ id }: Created) => id === bound.id);
  const { key: _, ...rest } = bound;
  expect(listed).toEqual({ ...rest, createdAt: expect.any(String), revokedAt: null });
});

test('the CLI refuses a scope that does not exist, and makes no key', async () => {
  const before = (await ledgerOf(product))['api_keys'];
  const args = ['create', '--name', 'x', '--scope', 'everything'];
  const { code, stdout, stderr } = await cli(product, 'keys', ...args);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('usage:write');
  expect((await ledgerOf(product))['api_keys']).toEqual(before);
});

describe('without a valid key', () => {
  test.each([
    ['no key', {}],
    ['a wrong key', { authorization: 'Bearer tagih_wrong' }],
    ['an empty key', { authorization: 'Bearer ' }],
    ['another scheme', { authorization: 'Basic dGFnaWg6dGFnaWg=' }],
    ['a NUL in the key', { authorization: 'Bearer %00' }],
  ])('%s is 401, whatever is asked for', async (_, headers: Record<string, string>) => {
    for (const path of [`/api/v1/teams/${own}`, '/api/v1/teams/nobody', '/api/v1/teams?limit=x']) {
      const { status, headers: answered, body } = await send(`${product.url}${path}`, { headers });
      expect({ status, code: body.code }).toEqual({ status: 401, code: 'unauthorized' });
      expect(answered.get('www-authenticate')).toBe('Bearer');
    }
  });

  test('a hundred failures a minute are answered, then 429; a valid key is served all along', async () => {
    const guessed = await startProduct({}, { worker: false });
    try {
      const statuses: number[] = [];
      for (let guess = 0; guess < 102; guess += 1) {
        statuses.push(
          (await guessed.api('GET', '/api/v1/teams', undefined, `tagih_${guess}`)).status,
        );
      }
      expect(statuses).toEqual([...Array(100).fill(401), 429, 429]);
      const refused = await guessed.api('GET', '/api/v1/teams', undefined, 'tagih_again');
      expect(refused.body).toMatchObject({ status: 429, code: 'too_many_failures' });
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await guessed.api('GET', '/api/v1/teams')).status).toBe(200);
    } finally {
      await guessed.close();
    }
  });
});

describe('a key does what its scopes say', () => {
  test('and no more: the missing scope is named', async () => {
    const refused = [
      await product.api('POST', '/api/v1/usage', event(own), reader.key),
      await product.api('PUT', `/api/v1/teams/${own}`, acme, reader.key),
      await product.api('GET', '/api/v1/stripe-events?status=parked', undefined, reader.key),
      await product.api('GET', `/api/v1/teams/${own}`, undefined, recorder.key),
    ];
    expect(refused.map(({ status, body }) => [status, body.code])).toEqual(
      Array(4).fill([403, 'missing_scope']),
    );
    expect(refused.map(({ body }) => /scope (\S+)\.$/.exec(body.detail)?.[1])).toEqual([
      'usage:write',
      'teams:write',
      'operate',
      'teams:read',
    ]);
  });

  test('and that much', async () => {
    const read = await product.api('GET', `/api/v1/teams/${other}`, undefined, reader.key);
    const recorded = await product.api('POST', '/api/v1/usage', event(other), recorder.key);
    expect([read.status, recorded.status]).toEqual([200, 200]);
  });

  test('until some seconds after it is revoked', async () => {
    const wanted = { name: 'short-lived', scopes: ['teams:read' as const], teamId: null };
    const { id, key } = await createApiKey(product.pool, wanted);
    const read = () => product.api('GET', '/api/v1/teams', undefined, key);
    expect((await read()).status).toBe(200);
    expect(await cli(product, 'keys', 'revoke', id)).toMatchObject({ code: 0 });
    await expect.poll(async () => (await read()).status, { timeout: 5_000 }).toBe(401);
  });
});

describe('a key that is bound to a team', () => {
  test('learns nothing about another, not even whether it exists', async () => {
    const before = await ledgerOf(product);
    const { paths } = (await send(`${product.url}/openapi.json`)).body;
    const ofTeams = Object.keys(paths).filter((path) => path.includes('{teamId}'));
    const asks = ofTeams.flatMap((path) =>
      Object.keys(paths[path]).map((method) => [method, path]),
    );
    expect(asks.length).toBeGreaterThan(5);
    for (const [method = '', path = ''] of asks) {
      const ask = (teamId: string) => {
        const filledIn = path.replace('{teamId}', teamId).replace('{action}', 'waive');
        const body = method === 'get' ? undefined : {};
        return product.api(method.toUpperCase(), filledIn, body, bound.key);
      };
      const [existing, unknown] = [await ask(other), await ask('nobody')];
      expect([path, existing.status, existing.body.code]).toEqual([path, 403, 'forbidden_team']);
      expect(unknown.body).toEqual(existing.body);
    }
    for (const teamId of [other, 'nobody']) {
      const answer = await product.api('POST', '/api/v1/usage', event(teamId), bound.key);
      expect([answer.status, answer.body.code]).toEqual([403, 'forbidden_team']);
    }
    expect(await ledgerOf(product)).toEqual(before);
  });

  test.each<[string, (teamId: string) => string, ((teamId: string) => object)?]>([
    ['GET', (teamId) => `/api/v1/teams/${teamId}`],
    ['PUT', (teamId) => `/api/v1/teams/${teamId}`, () => acme],
    ['GET', (teamId) => `/api/v1/teams/${teamId}/usage`],
    ['POST', () => '/api/v1/usage', event],
  ])('serves its own', async (method, path, body) => {
    const answer = await product.api(method, path(own), body?.(own), bound.key);
    expect(answer.status).toBe(200);
  });

  test('is shown its own team alone in the list', async () => {
    const { body } = await product.api('GET', '/api/v1/teams', undefined, bound.key);
    expect(body.items.map(({ teamId }: { teamId: string }) => teamId)).toEqual([own]);
    expect(body.nextCursor).toBeNull();
  });

  test.each<[string, string, object?]>([
    ['GET', '/api/v1/stripe-events?status=parked'],
    ['GET', '/api/v1/usage-billings'],
    ['GET', '/api/v1/closes/2026-01'],
    ['POST', '/api/v1/closes', { period: '2026-01' }],
  ])('is refused what belongs to all: %s %s', async (method, path, body) => {
    const answer = await product.api(method, path, body, bound.key);
    expect([answer.status, answer.body.code]).toEqual([403, 'forbidden_team']);
  });
});
