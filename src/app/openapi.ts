import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from 'zod-openapi';
import type { Endpoint } from './endpoint.js';
import { problemSchema } from './schemas.js';

const problemHeaders = z.object({ 'x-request-id': z.string() });

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
    paths,
  });
}

function operation(route: Endpoint): ZodOpenApiOperationObject {
  const problems = [400, 401, 403, 429, 503, ...(route.body ? [413, 415] : []), ...route.problems];
  const answers = Object.entries(route.answers).map(([status, schema]) => [
    status,
    { description: 'Success', content: { 'application/json': { schema } } },
  ]);
  const errors = problems.map((status) => [
    String(status),
    {
      description: 'Problem',
      headers: problemHeaders,
      content: { 'application/problem+json': { schema: problemSchema } },
    },
  ]);
  return {
    summary: route.summary,
    description: `Needs a key with the scope \`${route.scope}\`.`,
    requestParams: { path: route.params, query: route.query },
    ...(route.body && {
      requestBody: { required: true, content: { 'application/json': { schema: route.body } } },
    }),
    responses: Object.fromEntries([...answers, ...errors]),
  };
}
