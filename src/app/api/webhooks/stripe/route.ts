import express, { Router } from 'express';
import type { Logger } from 'pino';
import type { Metrics } from '../../../../metrics.js';
import type { EventRecorder } from '../../../../services/eventRecorder.js';
import { API_VERSION } from '../../../../stripe/client.js';
import { ForgedEvent, MalformedEvent, readEvent } from '../../../../stripe/events.js';
import { Problem } from '../../../problem.js';

/**
 * Stripe's webhook (R15): 200 when the event is on disk, 400 for one that is forged or malformed,
 * 503 when it could not be stored, so that Stripe sends it again.
 */
export function stripeWebhook(
  recorder: EventRecorder,
  secrets: readonly string[],
  log: Logger,
  metrics: Metrics,
): Router {
  const router = Router();
  // The signature is over the raw bytes, so nothing may parse them first.
  const raw = express.raw({ type: () => true, limit: '1mb' });
  router.post('/api/webhooks/stripe', raw, async (request, response) => {
    try {
      const body: unknown = request.body;
      const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
      const event = readEvent(bytes, request.get('stripe-signature') ?? '', secrets);
      if (event.apiVersion !== API_VERSION) {
        metrics.foreignVersions.inc({ version: event.apiVersion ?? 'none' });
        log.warn({ eventId: event.id, version: event.apiVersion }, 'event of another API version');
      }
      const result = await recorder.accept(event);
      metrics.webhooks.inc({ result });
      log.info({ eventId: event.id, type: event.type, result }, 'event of Stripe');
      response.json({ received: true });
    } catch (error) {
      throw webhookProblem(error, metrics, log);
    }
  });
  return router;
}

function webhookProblem(error: unknown, metrics: Metrics, log: Logger): Problem {
  if (error instanceof ForgedEvent) {
    metrics.webhooks.inc({ result: 'forged' });
    log.warn('event with a bad signature');
    return new Problem(400, 'bad_signature', error.message);
  }
  if (error instanceof MalformedEvent) {
    metrics.webhooks.inc({ result: 'malformed' });
    log.warn('signed body that is no event');
    return new Problem(400, 'malformed_event', error.message);
  }
  log.error({ err: error }, 'event not stored');
  return new Problem(503, 'not_stored', 'The event was not stored; send it again.');
}
