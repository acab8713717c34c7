import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { rateLimit } from 'express-rate-limit';
import type { ZodType, z } from 'zod';
import type { ApiKey } from '../db/apiKeys.js';
import type { Authenticator } from '../services/apiKeys.js';
import type { Endpoint } from './endpoint.js';
import { fieldErrors } from './fieldErrors.js';
import { Problem } from './problem.js';

const MB = 1024 * 1024;

/** Serves endpoints: key and scope, then the schemas, then the handler. */
export function mount(endpoints: readonly Endpoint[], keys: Authenticator): Router {
  const router = Router();
  const authenticate = authentication(keys);
  for (const route of endpoints) {
    const path = route.path.replace(/\{(\w+)\}/g, ':$1');
    const steps: RequestHandler[] = [authenticate, authorization(route)];
    if (route.body !== undefined) {
      const limit = (route.bodyMegabytes ?? 1) * MB;
      steps.push(requireJson, express.json({ limit, type: 'application/json' }));
    }
    router[route.method](path, ...steps, async (request, response) => {
      const answer = await route.handle({
        params: parse(route.params, request.params),
        query: parse(route.query, request.query),
        body: route.body === undefined ? undefined : parse(route.body, request.body),
        key: keyOf(response),
      });
      send(response, answer, route.mediaType);
    });
  }
  return router;
}

/** What Express' own `json` does, less what is asked of it in vain: it takes a tenth of a request's time. */
function send(
  response: Response,
  { status, body, headers }: Awaited<ReturnType<Endpoint['handle']>>,
  mediaType = 'application/json; charset=utf-8',
): void {
  const content = body instanceof Uint8Array ? body : JSON.stringify(body);
  response.writeHead(status, {
    'content-type': mediaType,
    'content-length': Buffer.byteLength(content),
    ...headers,
  });
  response.end(content);
}

/** Whether a key is for this team, or for all. */
export const mayTouch = (key: ApiKey, teamId: string) =>
  key.teamId === null || key.teamId === teamId;

/** A key that is bound to another team learns nothing about this one, not even whether it exists. */
export function requireTeam(key: ApiKey, teamId: string): void {
  if (!mayTouch(key, teamId)) {
    throw new Problem(403, 'forbidden_team', 'This key is bound to another team.');
  }
}

/** Keys of one team do not see what belongs to all of them. */
export function requireUnbound(key: ApiKey): void {
  if (key.teamId !== null) {
    throw new Problem(
      403,
      'forbidden_team',
      'This key is bound to a team; this needs one that is not.',
    );
  }
}

function authentication(keys: Authenticator): RequestHandler {
  // Counts failures alone: a caller with a valid key is never slowed down by others at its address.
  const countFailure = rateLimit({
    windowMs: 60_000,
    limit: 100,
    standardHeaders: true,
    legacyHeaders: false,
    handler: () => {
      throw new Problem(
        429,
        'too_many_failures',
        'Too many requests without a valid key; wait a minute.',
      );
    },
  });
  return async (request, response, next) => {
    const [, key] = /^Bearer ([\x21-\x7e]+)$/i.exec(request.get('authorization') ?? '') ?? [];
    const found = key === undefined ? undefined : await keys.authenticate(key);
    if (found !== undefined) {
      response.locals['key'] = found;
      return next();
    }
    await countFailure(request, response, (error?: unknown) => {
      const headers = { 'www-authenticate': 'Bearer' };
      const detail = 'Send a valid key as «Authorization: Bearer KEY».';
      next(error ?? new Problem(401, 'unauthorized', detail, { headers }));
    });
  };
}

function authorization({ scope }: Endpoint): RequestHandler {
  return (request: Request, response, next) => {
    const key = keyOf(response);
    if (!key.scopes.includes(scope)) {
      throw new Problem(403, 'missing_scope', `This needs a key with the scope ${scope}.`);
    }
    const { teamId } = request.params;
    if (typeof teamId === 'string') requireTeam(key, teamId);
    next();
  };
}

const requireJson: RequestHandler = (request, _response, next) => {
  // No body at all is for the schema to judge.
  const { 'content-length': length = '0', 'transfer-encoding': chunked } = request.headers;
  const sent = chunked !== undefined || length !== '0';
  if (sent && !request.is('application/json')) {
    throw new Problem(415, 'unsupported_media_type', 'Send the body as application/json.');
  }
  next();
};

function keyOf(response: Response): ApiKey {
  return response.locals['key'];
}

/** Bad input as a problem that names every field. */
function parse<S extends ZodType>(schema: S, input: unknown): z.output<S> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const errors = fieldErrors(parsed.error);
  throw new Problem(400, 'invalid_request', 'The request is not valid; see errors.', { errors });
}
