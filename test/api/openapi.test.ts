import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { eventOf, postEvent } from '../support/events.js';
import { type Answer, sharedProduct } from '../support/product.js';
import { send } from '../support/send.js';
import { freeTeam, unpaid } from '../support/stories.js';

interface Operation {
  summary: string;
  description?: string;
  security?: unknown[];
  parameters?: { name: string; in: string; required?: boolean; schema: object }[];
  responses: Record<string, { description: string; content?: Record<string, { schema?: object }> }>;
}

interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

const product = sharedProduct({ DUNNING_INTERVALS: '1h,1h' });
let document: Document;
beforeAll(async () => {
  document = (await send(`${product.url}/openapi.json`)).body;
});

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

const filledIn = (path: string) =>
  path
    .replace('{action}', 'waive')
    .replace('{period}', '2026-01')
    .replace(/\{\w+\}/g, 'nobody');

describe('the document', () => {
  test('is one of OpenAPI 3.1, and every reference leads somewhere', () => {
    expect(document.openapi).toMatch(/^3\.1\./);
    const references = JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g);
    const names = [...references].map(([, reference]) => reference);
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) {
      const [, schema] = /^#\/components\/schemas\/(\w+)$/.exec(name ?? '') ?? [];
      expect(document.components.schemas).toHaveProperty(schema ?? '');
    }
  });

  test('holds every route of the contract, with the scope that it needs', () => {
    const scopes = operations().map(({ path, method, operation }) => {
      const scope = /scope `(.+)`/.exec(operation.description ?? '')?.[1] ?? 'none';
      return `${method.toUpperCase()} ${path} ${scope}`;
    });
    expect(scopes.toSorted()).toEqual([
      'GET /api/v1/closes/{period} operate',
      'GET /api/v1/stripe-events operate',
      'GET /api/v1/teams teams:read',
      'GET /api/v1/teams/{teamId} teams:read',
      'GET /api/v1/teams/{teamId}/access teams:read',
      'GET /api/v1/teams/{teamId}/invoice-preview teams:read',
      'GET /api/v1/teams/{teamId}/timeline teams:read',
      'GET /api/v1/teams/{teamId}/usage teams:read',
      'GET /api/v1/teams/{teamId}/usage-billings teams:read',
      'GET /api/v1/teams/{teamId}/usage-billings/{period} teams:read',
      'GET /api/v1/teams/{teamId}/usage-billings/{period}/statement.pdf teams:read',
      'GET /api/v1/usage-billings teams:read',
      'GET /healthz none',
      'GET /metrics none',
      'GET /openapi.json none',
      'GET /readyz none',
      'POST /api/v1/closes operate',
      'POST /api/v1/teams/{teamId}/actions/{action} operate',
      'POST /api/v1/teams/{teamId}/checkout teams:write',
      'POST /api/v1/teams/{teamId}/plan teams:write',
      'POST /api/v1/teams/{teamId}/portal teams:write',
      'POST /api/v1/usage usage:write',
      'POST /api/v1/usage/batch usage:write',
      'POST /api/v1/usage/corrections operate',
      'POST /api/webhooks/stripe none',
      'PUT /api/v1/teams/{teamId} teams:write',
    ]);
  });

  test('names the parameters of each path, and what each route may answer', () => {
    for (const { path, operation } of operations()) {
      const inPath = operation.parameters?.filter((parameter) => parameter.in === 'path') ?? [];
      const placeholders = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(inPath.map(({ name, required }) => required && name)).toEqual(placeholders);
      const statuses = Object.keys(operation.responses);
      expect(statuses.filter((status) => status.startsWith('2')).length).toBeGreaterThan(0);
      if (operation.security === undefined) {
        expect(statuses).toEqual(expect.arrayContaining(['400', '401', '403', '429', '503']));
      }
    }
  });

  test('describes what is served: each route answers, and lets nobody in without a key', async () => {
    for (const { path, method, operation } of operations()) {
      if (operation.security !== undefined) continue;
      const { status } = await send(product.url + filledIn(path), { method: method.toUpperCase() });
      expect(`${path} ${status}`).toBe(`${path} 401`);
    }
  });
});

/** The answer is one that the document knows for the route, and has its shape to the last field. */
function conforms(method: string, path: string, { status, headers, body }: Answer): void {
  const response = document.paths[path]?.[method.toLowerCase()]?.responses[status];
  if (response === undefined) throw new Error(`${method} ${path} does not know ${status}`);
  const type = headers.get('content-type')?.split(';')[0] ?? '';
  expect(Object.keys(response.content ?? {})).toEqual([type]);
  const inline = JSON.stringify({
    ...response.content?.[type]?.schema,
    $defs: document.components.schemas,
  }).replaceAll('#/components/schemas/', '#/$defs/');
  const { error } = z.fromJSONSchema(JSON.parse(inline)).safeParse(body);
  expect(error && `${method} ${path}: ${z.prettifyError(error)}`).toBeUndefined();
}

test('answers are as the document says, problems too', async () => {
  const debtor = await unpaid(product);
  const fresh = await freeTeam(product);
  const event = { teamId: debtor.teamId, idempotencyKey: 'k', tokens: 60_000 };
  const acme = { name: 'Acme', adminEmail: 'admin@acme.example' };
  await postEvent(product, JSON.stringify(eventOf({ customer: 'cus_nobody' })));
  const team = `/api/v1/teams/{teamId}`;
  const act = { actor: 'ops@tagih.example', reason: 'goodwill' };

  const cursor = Buffer.from('{"period":"2026-01","teamId":"\\u0000"}').toString('base64url');

  const requests: [status: number, method: string, path: string, id: string, body?: object][] = [
    [200, 'POST', '/api/v1/usage', '', event],
    [409, 'POST', '/api/v1/usage', '', { ...event, tokens: 1 }],
    [400, 'POST', '/api/v1/usage', '', { ...event, tokens: 0 }],
    [404, 'POST', '/api/v1/usage', '', { ...event, teamId: 'nobody' }],
    [201, 'PUT', team, `${fresh}_2`, acme],
    [200, 'PUT', team, `${fresh}_2`, acme],
    [409, 'PUT', team, fresh, { ...acme, stripeCustomerId: debtor.customerId }],
    [200, 'GET', team, debtor.teamId],
    [200, 'GET', team, fresh],
    [404, 'GET', team, 'nobody'],
    [200, 'GET', '/api/v1/teams', ''],
    [400, 'GET', '/api/v1/teams?limit=0', ''],
    [200, 'GET', `${team}/access`, debtor.teamId],
    [200, 'GET', `${team}/usage`, debtor.teamId],
    [200, 'GET', `${team}/timeline`, debtor.teamId],
    [200, 'GET', `${team}/invoice-preview`, debtor.teamId],
    [200, 'GET', `${team}/usage-billings`, debtor.teamId],
    [200, 'GET', '/api/v1/usage-billings', ''],
    [400, 'GET', `/api/v1/usage-billings?cursor=${cursor}`, ''],
    [200, 'GET', '/api/v1/stripe-events?status=parked', ''],
    [200, 'GET', '/api/v1/stripe-events?status=delivered', ''],
    [404, 'GET', '/api/v1/closes/{period}', '2000-01'],
    [400, 'POST', '/api/v1/closes', '', { period: 'now' }],
    [200, 'POST', `${team}/actions/waive`, debtor.teamId, act],
    [409, 'POST', `${team}/actions/waive`, debtor.teamId, act],
    [200, 'GET', '/healthz', ''],
    [200, 'GET', '/readyz', ''],
    [200, 'GET', '/openapi.json', ''],
  ];
  for (const [status, method, path, id, body] of requests) {
    const [template = ''] = path.replace('/actions/waive', '/actions/{action}').split('?');
    const answer = await product.api(method, path.replace(/\{\w+\}/, id), body);
    expect(`${method} ${path} ${answer.status}`).toBe(`${method} ${path} ${status}`);
    conforms(method, template, answer);
  }
});

describe('every answer', () => {
  test('of no route is a problem with 404', async () => {
    for (const path of ['/', '/api/v1/nothing', '/api/v1/usage/nothing', '/docs/x']) {
      const { status, headers, body } = await send(`${product.url}${path}`, { method: 'POST' });
      expect({ status, code: body.code }).toEqual({ status: 404, code: 'not_found' });
      expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    }
  });

  test('carries an id by which it can be found, the one of the caller where there is one', async () => {
    const idOf = async (path: string, headers: Record<string, string> = {}) =>
      (await send(`${product.url}${path}`, { headers })).headers.get('x-request-id');
    const paths = [
      '/healthz',
      '/openapi.json',
      '/api/v1/teams',
      '/nothing',
      '/api/v1/teams/%E0%A4',
    ];
    const ids = await Promise.all(paths.map((path) => idOf(path)));
    for (const id of ids) expect(id).toMatch(/^[\w-]{36}$/);
    expect(new Set(ids).size).toBe(paths.length);
    expect(await idOf('/healthz', { 'x-request-id': 'trace-1.a_b' })).toBe('trace-1.a_b');
    expect(await idOf('/healthz', { 'x-request-id': '<script>' })).toMatch(/^[\w-]{36}$/);
  });

  test('tells browsers to be careful, and not what it runs on', async () => {
    const { headers } = await send(`${product.url}/healthz`);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('strict-transport-security')).toContain('max-age=');
    expect(headers.get('x-powered-by')).toBeNull();
  });
});
