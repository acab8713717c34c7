import { Router } from 'express';
import type { Metrics } from '../metrics.js';

/** Answers whether a part works; it never throws. */
export type Probe = () => Promise<boolean>;

/**
 * `/healthz`: the process serves. `/readyz`: 503 without Postgres alone, for usage and webhooks are
 * served without Temporal.
 */
export function healthRouter(
  probes: { postgres: Probe; temporal: Probe; relay: Probe },
  { registry }: Metrics,
): Router {
  const router = Router();
  router.get('/healthz', (_request, response) => void response.json({ status: 'up' }));
  router.get('/readyz', async (_request, response) => {
    const say = (up: boolean) => (up ? 'up' : 'down');
    const [postgres, temporal, relay] = await Promise.all([
      probes.postgres().then(say),
      probes.temporal().then(say),
      probes.relay().then(say),
    ]);
    const checks = { postgres, temporal, relay };
    response.status(postgres === 'up' ? 200 : 503).json({ checks });
  });
  router.get('/metrics', async (_request, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  return router;
}
