import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import pg from 'pg';
import Stripe from 'stripe';
import { afterAll, beforeAll, inject, vi } from 'vitest';
import { type Environment, readSettings } from '../../src/config.js';
import { createLog } from '../../src/log.js';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.js';
import { startServer } from '../../src/server.js';
import { startWorker } from '../../src/worker.js';
import { createDatabase, type Database } from './database.js';
import { createNamespace } from './namespace.js';
import { controlSandbox } from './sandboxControl.js';

// Errors alone: tests make activities fail and replays differ on purpose, and workers start and stop.
Runtime.install({
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' } } },
});

export const KEY = 'tagih_test_key_with_every_scope';
export const WEBHOOK_SECRET = 'whsec_test';

// biome-ignore lint/suspicious/noExplicitAny: bodies are what the test says they are
export type Answer = { status: number; headers: Headers; body: any };

export interface Mail {
  to: string;
  tag: string;
  subject: string;
  text: string;
  metadata: Record<string, string>;
  /** `content`: in base64. */
  attachments: { name: string; contentType: string; content: string }[];
}

export type Product = Awaited<ReturnType<typeof startProduct>>;

/**
 * The whole product on a database and a namespace of its own, with the sandbox at the wire: server
 * and worker as they are composed for production. Close it when the tests of the file are over. A
 * `database` or `sandbox` that is given is shared with whoever made it, and is left.
 */
export async function startProduct(
  overrides: Environment = {},
  parts: { worker?: boolean; database?: Database; sandbox?: Sandbox } = {},
) {
  const [database, namespace, sandbox] = await Promise.all([
    parts.database ?? createDatabase(),
    createNamespace(),
    parts.sandbox ?? startSandbox({ port: 0 }),
  ]);
  const settings = readSettings({
    PORT: '0',
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    TEMPORAL_NAMESPACE: namespace,
    STRIPE_SECRET_KEY: 'sk_test_sandbox',
    STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
    STRIPE_API_BASE: sandbox.url,
    NEXT_PUBLIC_STRIPE_PRO_PRICE_ID: 'price_sandbox_pro',
    NEXT_PUBLIC_STRIPE_ENTERPRISE_PRICE_ID: 'price_sandbox_enterprise',
    POSTMARK_SERVER_TOKEN: 'sandbox',
    POSTMARK_API_BASE: sandbox.url,
    EMAIL_FROM: 'billing@tagih.example',
    TAGIH_API_KEY: KEY,
    LINK_SECRET: 'link-secret-of-the-tests',
    DUNNING_INTERVALS: '400ms,400ms',
    ...overrides,
  });
  const log = createLog('silent', 'test');
  const code = { workflowBundle: { codePath: inject('workflowBundle') } };
  const server = await startServer(settings, log);
  let worker = parts.worker !== false ? await startWorker(settings, log, code) : undefined;
  const pool = new pg.Pool({ connectionString: database.url, max: 2 });
  // A connection may still be saying goodbye when its database is dropped.
  pool.on('error', () => {});
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  const stripe = new Stripe('sk_test_sandbox', {
    host: '127.0.0.1',
    port: sandbox.port,
    protocol: 'http',
  });

  async function api(method: string, path: string, body?: unknown, key = KEY): Promise<Answer> {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: JSON.parse(text || 'null') };
  }

  const control = <T>(method: string, path: string, body?: unknown): Promise<T> =>
    controlSandbox(sandbox.url, method, path, body);

  await control('POST', '/webhooks', {
    url: `${server.url}/api/webhooks/stripe`,
    secret: WEBHOOK_SECRET,
  });

  return {
    url: server.url,
    settings,
    /** The ledger, to look into. */
    pool,
    temporal: new Client({ connection, namespace }),
    stripe,
    api,
    /** The sandbox's own API: renew, change the card, let requests fail. */
    control,
    /** Fails until `check` holds of the team. */
    async until(teamId: string, check: (team: Answer['body']) => void): Promise<void> {
      await vi.waitFor(async () => check((await api('GET', `/api/v1/teams/${teamId}`)).body), {
        timeout: 15_000,
      });
    },
    /** The mails of a team in the order in which they were sent. */
    async mails(teamId: string): Promise<Mail[]> {
      const all = await control<Mail[]>('GET', '/mails');
      return all.filter(({ metadata }) => metadata['teamId'] === teamId).toReversed();
    },
    async stopWorker(): Promise<void> {
      await worker?.close();
      worker = undefined;
    },
    async startWorker(): Promise<void> {
      worker ??= await startWorker(settings, log, code);
    },
    async close(): Promise<void> {
      await Promise.all([server.close(), worker?.close(), pool.end(), connection.close()]);
      if (parts.sandbox === undefined) await sandbox.close();
      if (parts.database === undefined) await database.drop();
    },
  };
}

/** One product for all tests of a file, or of a `describe`; it is there as soon as the tests run. */
export function sharedProduct(...given: Parameters<typeof startProduct>): Product {
  const product = {} as Product;
  let started: Product | undefined;
  beforeAll(async () => {
    started = await startProduct(...given);
    Object.assign(product, started);
  });
  afterAll(() => started?.close());
  return product;
}
