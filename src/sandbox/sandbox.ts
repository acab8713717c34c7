import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { controlApi } from './control.js';
import { Faults } from './faults.js';
import { IdempotencyKeys } from './http/idempotency.js';
import { RequestLog } from './http/requestLog.js';
import { pageRoutes } from './pages/routes.js';
import { postmarkApi } from './postmark.js';
import { Store } from './store.js';
import { Account, wallClock } from './stripe/account.js';
import { stripeApi } from './stripe/api.js';
import { runDue } from './stripe/billing/cycle.js';
import { SEED_PRICES, type SeedPrice, seed } from './stripe/resources/catalogue.js';
import { type Endpoint, Webhooks } from './webhooks.js';

export interface SandboxOptions {
  host?: string;
  /** 0 takes any free one. */
  port: number;
  webhook?: Endpoint;
  /** Where state is kept between runs; in memory without one. */
  file?: string;
  prices?: SeedPrice[];
}

export interface Sandbox {
  url: string;
  port: number;
  close(): Promise<void>;
}

const TICK_MS = 1000;

/** Starts a stand-in for Stripe and Postmark, to which their own clients talk as they would to the real ones. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const host = options.host ?? '127.0.0.1';
  let url = '';
  const store = new Store(options.file);
  const webhooks = new Webhooks(store, options.webhook ?? null);
  const account = new Account(
    store,
    () => url,
    (event) => webhooks.queue(event.id),
  );
  const faults = new Faults();
  const keys = new IdempotencyKeys(store);
  const log = new RequestLog();
  const settled = () => webhooks.wake();
  seed(account, options.prices ?? SEED_PRICES);

  const app = express().disable('x-powered-by').disable('etag');
  const raw = express.raw({ type: () => true, limit: '50mb' });
  app.use(['/v1', '/email'], raw);
  app.use(stripeApi({ account, faults, keys, log, settled }));
  app.use(postmarkApi(store, faults));
  app.use('/sandbox', controlApi({ account, faults, keys, log, webhooks }));
  app.use(pageRoutes(account, settled));

  const server = createServer(app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  url = `http://${host}:${port}`;

  const tick = () => {
    store.transaction(() => runDue(account, null, wallClock()));
    settled();
  };
  tick();
  const ticking = setInterval(tick, TICK_MS);

  const stop = async () => {
    clearInterval(ticking);
    webhooks.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    store.close();
  };
  let stopped: Promise<void> | undefined;
  return {
    url,
    port,
    close: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}
