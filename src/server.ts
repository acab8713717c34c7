import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import type { Logger } from 'pino';
import { closeEndpoints } from './app/api/v1/closes/route.js';
import { stripeEventEndpoints } from './app/api/v1/stripe-events/route.js';
import { accessEndpoints } from './app/api/v1/teams/access/route.js';
import { actionEndpoints } from './app/api/v1/teams/actions/route.js';
import { checkoutEndpoints } from './app/api/v1/teams/checkout/route.js';
import { invoicePreviewEndpoints } from './app/api/v1/teams/invoice-preview/route.js';
import { planEndpoints } from './app/api/v1/teams/plan/route.js';
import { portalEndpoints } from './app/api/v1/teams/portal/route.js';
import { teamEndpoints } from './app/api/v1/teams/route.js';
import { teamUsageEndpoints } from './app/api/v1/teams/usage/route.js';
import { teamBillingEndpoints } from './app/api/v1/teams/usage-billings/route.js';
import { usageBatchEndpoints } from './app/api/v1/usage/batch/route.js';
import { correctionEndpoints } from './app/api/v1/usage/corrections/route.js';
import { usageEndpoints } from './app/api/v1/usage/route.js';
import { usageBillingEndpoints } from './app/api/v1/usage-billings/route.js';
import { stripeWebhook } from './app/api/webhooks/stripe/route.js';
import { createApp } from './app/app.js';
import { healthRouter } from './app/health.js';
import type { Settings } from './config.js';
import { findRunningCloses } from './db/closes.js';
import { createPool } from './db/pool.js';
import { countWaiting } from './db/waiting.js';
import { createMetrics } from './metrics.js';
import { Relay } from './outbox/relay.js';
import { deliverToTemporal } from './outbox/temporal.js';
import { runRole } from './role.js';
import { Authenticator } from './services/apiKeys.js';
import { BillingService } from './services/billingService.js';
import { CloseService } from './services/closeService.js';
import { CloseStarter } from './services/closeStarter.js';
import { EventRecorder } from './services/eventRecorder.js';
import { OperatorService } from './services/operatorService.js';
import { PlanService } from './services/planService.js';
import { StripePages } from './services/stripePages.js';
import { TeamService } from './services/teamService.js';
import { UsageRecorder } from './services/usageRecorder.js';
import { createStripe } from './stripe/client.js';
import { planPrices, priceIds } from './stripe/prices.js';
import { temporalConnection } from './temporal.js';

/** Of a pool for group commits. */
const groupCommits = {
  // One for each commit that may be under way.
  max: 2,
  // A transaction's beginning and its first statement go together.
  pipeline: true,
  // Of a Postgres that hangs callers are told before they lose patience (R10).
  query_timeout: 10_000,
  // Planned once, for planning takes longer than a commit, and to look each row up by its key: planned
  // while a table is small, they would read all of it, and go on doing so when it has grown.
  options: [
    '-c plan_cache_mode=force_generic_plan',
    '-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off',
  ].join(' '),
};

/** The API, the webhook and the relay of facts, on a port of their own. */
export async function startServer(
  settings: Settings,
  log: Logger,
): Promise<{ url: string; close(): Promise<void> }> {
  const zone = settings.BILLING_TIME_ZONE;
  const metrics = createMetrics();
  const onIdleError = (error: Error) => log.warn({ err: error }, 'connection to Postgres lost');
  const pool = createPool(settings.DATABASE_URL, onIdleError, { query_timeout: 30_000 });
  const usagePool = createPool(settings.DATABASE_URL, onIdleError, groupCommits);
  const eventPool = createPool(settings.DATABASE_URL, onIdleError, groupCommits);
  // Lazy: usage and webhooks are served while Temporal is away.
  const connection = Connection.lazy(temporalConnection(settings));
  const client = new Client({ connection, namespace: settings.TEMPORAL_NAMESPACE });
  const relay = new Relay(
    pool,
    settings.DATABASE_URL,
    deliverToTemporal(client, pool, settings.TEMPORAL_TASK_QUEUE),
    log,
  );
  metrics.observeWaiting(() => countWaiting(pool));
  metrics.observeCloses(() => findRunningCloses(pool));

  const { USAGE_GROUP_KEYS: groupKeys, RETENTION_MONTHS: retentionMonths } = settings;
  const recorder = new UsageRecorder(usagePool, zone, groupKeys);
  const events = new EventRecorder(eventPool, () => relay.wake());
  const billing = new BillingService(pool, zone, recorder, retentionMonths);
  const teams = new TeamService(pool, billing);
  const operators = new OperatorService(client, pool, settings.TEMPORAL_TASK_QUEUE);
  const closes = new CloseStarter(
    client,
    pool,
    new CloseService(pool, zone, settings.CLOSE_GRACE),
    settings.TEMPORAL_TASK_QUEUE,
  );
  const stripe = createStripe(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE);
  const pages = new StripePages(pool, stripe, priceIds(settings));
  const plans = new PlanService(pool, stripe, priceIds(settings), planPrices(settings), teams);
  const app = createApp({
    endpoints: [
      ...usageEndpoints(billing),
      ...usageBatchEndpoints(billing),
      ...correctionEndpoints(billing, zone),
      ...teamEndpoints(teams),
      ...teamUsageEndpoints(billing, zone, groupKeys),
      ...accessEndpoints(billing),
      ...actionEndpoints(operators, teams),
      ...checkoutEndpoints(pages),
      ...planEndpoints(plans),
      ...portalEndpoints(pages),
      ...invoicePreviewEndpoints(billing),
      ...teamBillingEndpoints(pool, teams, zone),
      ...usageBillingEndpoints(pool),
      ...closeEndpoints(closes),
      ...stripeEventEndpoints(pool),
    ],
    keys: new Authenticator(pool, settings.TAGIH_API_KEY),
    routers: [
      stripeWebhook(events, settings.STRIPE_WEBHOOK_SECRET, log, metrics),
      healthRouter(
        {
          postgres: () => answers(pool.query('select 1')),
          temporal: () =>
            answers(
              connection.withDeadline(Date.now() + 1_000, () =>
                connection.workflowService.getSystemInfo({}),
              ),
            ),
          relay: async () => relay.isUp,
        },
        metrics,
      ),
    ],
    publicUrl: settings.PUBLIC_URL ?? `http://localhost:${settings.PORT}`,
    log,
    metrics,
  });

  const http = createServer(app);
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(settings.PORT, settings.HOST, resolve);
  });
  relay.start();
  const { port } = http.address() as AddressInfo;
  log.info({ port }, 'serving');
  return {
    url: `http://${settings.HOST}:${port}`,
    async close() {
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeIdleConnections();
      await closed;
      await relay.close();
      await connection.close();
      await usagePool.end();
      await eventPool.end();
      await pool.end();
    },
  };
}

async function answers(question: Promise<unknown>): Promise<boolean> {
  return question.then(
    () => true,
    () => false,
  );
}

if (import.meta.main) await runRole('server', startServer);
