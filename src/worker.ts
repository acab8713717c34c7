import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createActivities } from '../activities/index.js';
import { bulkTaskQueue } from '../workflows/taskQueues.js';
import type { Settings } from './config.js';
import { createPool } from './db/pool.js';
import { reserveRequests } from './db/stripeBudget.js';
import { createPostmark } from './email/postmark.js';
import { runRole } from './role.js';
import { ensureSchedules } from './schedules.js';
import { ensureSearchAttributes } from './searchAttributes.js';
import { createStripe } from './stripe/client.js';
import { Pace } from './stripe/pace.js';
import { planPrices } from './stripe/prices.js';
import { temporalConnection } from './temporal.js';

/** The workflows of `npm run build`; from source they are bundled at the start. */
function workflows(): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  const bundle = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
  if (existsSync(bundle)) return { workflowBundle: { codePath: bundle } };
  return { workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)) };
}

/**
 * Runs workflows and activities until closed, which lets what is under way at Stripe finish. `code`: where
 * the workflows are; `interceptors`: what a test changes.
 */
export async function startWorker(
  settings: Settings,
  log: Logger,
  {
    interceptors = {},
    ...code
  }: Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath' | 'interceptors'> = workflows(),
): Promise<{ close(): Promise<void> }> {
  const pool = createPool(settings.DATABASE_URL, (error) =>
    log.warn({ err: error }, 'connection to Postgres lost'),
  );
  const connection = await NativeConnection.connect(temporalConnection(settings));
  const stopping = new AbortController();
  const pace = new Pace(settings.STRIPE_RATE_LIMIT, (...wish) => reserveRequests(pool, ...wish));
  const { STRIPE_SECRET_KEY: stripeKey, STRIPE_API_BASE: stripeBase } = settings;
  const { TEMPORAL_TASK_QUEUE: taskQueue } = settings;
  const shared = {
    connection,
    namespace: settings.TEMPORAL_NAMESPACE,
    interceptors,
    activities: createActivities({
      pool,
      stripe: createStripe(stripeKey, stripeBase),
      pacedStripe: createStripe(stripeKey, stripeBase, pace),
      postmark: createPostmark(settings.POSTMARK_SERVER_TOKEN, settings.POSTMARK_API_BASE),
      prices: planPrices(settings),
      policy: {
        intervals: settings.DUNNING_INTERVALS,
        confirmationWindow: settings.CONFIRMATION_WINDOW,
        retries: settings.DUNNING_RETRIES,
        looks: true,
        keepsCards: true,
      },
      mailFrom: settings.EMAIL_FROM,
      operationsEmail: settings.OPERATIONS_EMAIL,
      zone: settings.BILLING_TIME_ZONE,
      attachStatement: settings.ATTACH_STATEMENT,
      closeGraceMs: settings.CLOSE_GRACE,
      retentionMonths: settings.RETENTION_MONTHS,
      stopping: stopping.signal,
    }),
    // Longer than a call to Stripe: an attempt under way at a deploy reports how it ended.
    shutdownGraceTime: '25s',
  };
  const workers = await Promise.all([
    Worker.create({ ...shared, ...code, taskQueue }),
    Worker.create({ ...shared, taskQueue: bulkTaskQueue(taskQueue) }),
  ]);
  const { TEMPORAL_NAMESPACE: namespace } = settings;
  await ensureSearchAttributes(connection, namespace).catch((error: unknown) =>
    // A hosted Temporal lets its console alone do this.
    log.warn({ err: error }, 'search attributes could not be registered'),
  );
  await ensureSchedules(new Client({ connection, namespace }), settings);
  const stopped = Promise.all(workers.map((worker) => worker.run())).finally(async () => {
    await connection.close();
    await pool.end();
  });
  log.info({ taskQueue }, 'working');
  return {
    async close() {
      stopping.abort(new Error('The worker stops.'));
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      await stopped;
    },
  };
}

const levels = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
} as const;

/** Temporal's SDK logs like the rest, and leaves the signals of the process to it. */
function logThrough(log: Logger): void {
  const write =
    (level: 'trace' | 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, meta: object | undefined) =>
      log[level](meta ?? {}, message);
  Runtime.install({
    logger: {
      log: (level, message, meta) => write(levels[level])(message, meta),
      trace: write('trace'),
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
    },
    shutdownSignals: [],
  });
}

if (import.meta.main) {
  await runRole('worker', (settings, log) => {
    logThrough(log);
    return startWorker(settings, log);
  });
}
