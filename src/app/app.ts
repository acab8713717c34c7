import { randomUUID } from 'node:crypto';
import express, { type RequestHandler } from 'express';
import helmet from 'helmet';
import type { Logger } from 'pino';
import type { Metrics } from '../metrics.js';
import type { Authenticator } from '../services/apiKeys.js';
import type { Endpoint } from './endpoint.js';
import { answerErrors, notFound } from './errors.js';
import { mount } from './mount.js';
import { openApiDocument } from './openapi.js';

interface AppOptions {
  endpoints: readonly Endpoint[];
  keys: Authenticator;
  /** What is served outside the API's own ways: the webhook, probes, pages. */
  routers: readonly RequestHandler[];
  publicUrl: string;
  log: Logger;
  metrics: Metrics;
}

/** The whole HTTP side of Tagih. */
export function createApp({ endpoints, keys, routers, publicUrl, log, metrics }: AppOptions) {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use(protect, requestId, observe(metrics));
  // The API first: its requests are by far the most.
  app.use(mount(endpoints, keys));
  app.use(...routers);
  const document = openApiDocument(endpoints, publicUrl);
  app.get('/openapi.json', (_request, response) => void response.json(document));
  app.use(notFound);
  app.use(answerErrors(log));
  return app;
}

/** The headers that protect answers of JSON; pages need more, and have their own. */
const protect = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  referrerPolicy: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
});

/** Every answer can be found in the logs, under the caller's own id where it sent one. */
const requestId: RequestHandler = (request, response, next) => {
  const theirs = request.get('x-request-id');
  const known = theirs !== undefined && /^[\w.-]{1,100}$/.test(theirs);
  response.setHeader('x-request-id', known ? theirs : randomUUID());
  next();
};

function observe({ requests }: Metrics): RequestHandler {
  return (request, response, next) => {
    const stop = requests.startTimer({ method: request.method });
    response.on('finish', () => {
      // The route as it was declared: a path with ids in it would make a series for every team.
      const route = typeof request.route?.path === 'string' ? request.route.path : 'none';
      stop({ route, status: response.statusCode });
    });
    next();
  };
}
