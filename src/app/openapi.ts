import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from 'zod-openapi';
import type { Endpoint } from './endpoint.js';
import { problemSchema } from './schemas.js';

const headers = z.object({ 'x-request-id': z.string() });

/** The OpenAPI document of the routes, from the schemas that serve them. */
export function openApiDocument(endpoints: readonly Endpoint[], publicUrl: string) {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of endpoints) {
    paths[route.path] = { ...paths[route.path], [route.method]: operation(route) };
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Tagih',
      version: '1',
      description: 'Amounts are integers of minor units, before tax, which Stripe computes.',
    },
    servers: [{ url: publicUrl }],
    security: [{ key: [] }],
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
    paths: { ...paths, ...withoutKey },
  });
}

function operation(route: Endpoint): ZodOpenApiOperationObject {
  const problems = [400, 401, 403, 429, 503, ...(route.body ? [413, 415] : []), ...route.problems];
  return {
    summary: route.summary,
    description: `Needs a key with the scope \`${route.scope}\`.`,
    requestParams: { path: route.params, query: route.query },
    ...(route.body && {
      requestBody: {
        required: !route.body.safeParse(undefined).success,
        content: { 'application/json': { schema: route.body } },
      },
    }),
    responses: responses(route.answers, problems, route.mediaType),
  };
}

function responses(
  answers: Endpoint['answers'],
  problems: readonly number[],
  mediaType = 'application/json',
) {
  const all = [
    ...Object.entries(answers).map(([status, schema]) => {
      const content = { [mediaType]: { schema } };
      return [status, { description: 'Success', headers, content }];
    }),
    ...problems.map((status) => {
      const content = { 'application/problem+json': { schema: problemSchema } };
      return [String(status), { description: 'Problem', headers, content }];
    }),
  ];
  return Object.fromEntries(all);
}

const upOrDown = z.enum(['up', 'down']);
const checks = z.object({
  checks: z.object({ postgres: upOrDown, temporal: upOrDown, relay: upOrDown }),
});

/** What is served outside the endpoints: each of them defends itself, or tells nothing. */
const withoutKey: ZodOpenApiPathsObject = {
  '/api/webhooks/stripe': {
    post: {
      summary: "Stripe's events: 200 when one is on disk, 503 when it is to be sent again",
      security: [],
      requestParams: { header: z.object({ 'stripe-signature': z.string() }) },
      requestBody: {
        required: true,
        content: { 'application/json': { schema: z.object({ id: z.string(), type: z.string() }) } },
      },
      responses: responses({ 200: z.object({ received: z.literal(true) }) }, [400, 413, 503]),
    },
  },
  '/healthz': {
    get: {
      summary: 'Whether the process serves',
      security: [],
      responses: responses({ 200: z.object({ status: z.literal('up') }) }, []),
    },
  },
  '/readyz': {
    get: {
      summary: 'Which parts work; 503 without Postgres',
      security: [],
      responses: responses({ 200: checks, 503: checks }, []),
    },
  },
  '/metrics': {
    get: {
      summary: 'Measurements for Prometheus',
      security: [],
      responses: { 200: { description: 'Success', content: { 'text/plain': {} } } },
    },
  },
  '/openapi.json': {
    get: {
      summary: 'This document',
      security: [],
      responses: responses({ 200: z.object({ openapi: z.string() }).loose() }, []),
    },
  },
};
