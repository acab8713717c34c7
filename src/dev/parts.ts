import { join } from 'node:path';
import { getTemporal } from '../../setup/temporalCli.mjs';
import type { Stack } from './localSettings.js';
import { logFile } from './logs.js';
import { startNode } from './node.js';
import { startPostgres } from './postgres.js';
import type { Secrets } from './secrets.js';
import type { Supervisor } from './supervisor.js';
import { startTemporal } from './temporal.js';

/** What the parts are started with. */
export interface Machine {
  dataDir: string;
  /** Settings of the caller, which win. */
  given: Record<string, string>;
  ports: Record<keyof typeof defaultPorts, number>;
  secrets: Secrets;
  supervisor: Supervisor;
}

/** Where each part listens, if nothing else does. */
export const defaultPorts = {
  server: 3000,
  temporal: 7233,
  temporalUi: 8233,
  sandbox: 8400,
  postgres: 5433,
};

/** What a part adds to the settings of the others. */
type Part = Partial<Pick<Stack, 'addresses' | 'secrets' | 'postgresPort'>>;

/** Postgres, unless the caller has one. */
export async function postgresPart(machine: Machine): Promise<Part> {
  const { dataDir, given, ports, secrets, supervisor } = machine;
  if (given.DATABASE_URL) return {};
  const { port } = await supervisor.start(
    'postgres',
    () =>
      startPostgres({
        dataDir: join(dataDir, 'postgres'),
        port: ports.postgres,
        password: secrets.POSTGRES_PASSWORD,
        durable: true,
        logFile: logFile(dataDir, 'postgres'),
      }),
    (postgres) => `127.0.0.1:${postgres.port}`,
  );
  return { postgresPort: port };
}

/** Temporal with its UI, unless the caller has one. */
export async function temporalPart(machine: Machine): Promise<Part> {
  const { dataDir, given, ports, supervisor } = machine;
  if (given.TEMPORAL_ADDRESS) return {};
  const binary = await getTemporal();
  const address = `127.0.0.1:${ports.temporal}`;
  await supervisor.start(
    'temporal',
    () =>
      startTemporal({
        binary,
        port: ports.temporal,
        uiPort: ports.temporalUi,
        file: join(dataDir, 'temporal.db'),
        namespace: given.TEMPORAL_NAMESPACE ?? 'default',
        logFile: logFile(dataDir, 'temporal'),
      }),
    () => address,
  );
  const ui = `http://localhost:${ports.temporalUi}`;
  return { addresses: { TEMPORAL_ADDRESS: address, TEMPORAL_UI_URL: ui } };
}

/** The sandbox, for whichever of Stripe and Postmark the caller has no key of. */
export async function sandboxPart(machine: Machine): Promise<Part> {
  const { dataDir, given, ports, secrets, supervisor } = machine;
  const forStripe = !given.STRIPE_SECRET_KEY;
  const forPostmark = !given.POSTMARK_SERVER_TOKEN;
  if (!forStripe && !forPostmark) return {};
  const url = `http://localhost:${ports.sandbox}`;
  const webhookSecrets = given.STRIPE_WEBHOOK_SECRET ?? secrets.STRIPE_WEBHOOK_SECRET;
  const [signingSecret = ''] = webhookSecrets.split(',');
  await supervisor.start(
    'sandbox',
    () =>
      startNode({
        name: 'sandbox',
        script: 'sandbox/main.ts',
        args: [
          ...['--port', String(ports.sandbox), '--host', '127.0.0.1'],
          ...['--file', join(dataDir, 'sandbox.db')],
          ...['--webhook-url', `http://127.0.0.1:${ports.server}/api/webhooks/stripe`],
        ],
        env: { ...given, SANDBOX_WEBHOOK_SECRET: signingSecret.trim() },
        logFile: logFile(dataDir, 'sandbox'),
      }),
    () => url,
  );
  const stripe = {
    STRIPE_API_BASE: url,
    NEXT_PUBLIC_STRIPE_PRO_PRICE_ID: 'price_sandbox_pro',
    NEXT_PUBLIC_STRIPE_ENTERPRISE_PRICE_ID: 'price_sandbox_enterprise',
  };
  const postmark = { POSTMARK_API_BASE: url, EMAIL_FROM: 'billing@tagih.example' };
  return {
    addresses: { SANDBOX_URL: url, ...(forStripe && stripe), ...(forPostmark && postmark) },
    secrets: [
      ...(forStripe ? (['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET'] as const) : []),
      ...(forPostmark ? (['POSTMARK_SERVER_TOKEN'] as const) : []),
    ],
  };
}

/** Server or worker, with the settings of all the others. */
export async function productPart(
  machine: Machine,
  name: 'server' | 'worker',
  env: Record<string, string>,
): Promise<void> {
  await machine.supervisor.start(
    name,
    () => startNode({ name, script: `${name}.ts`, env, logFile: logFile(machine.dataDir, name) }),
    () => (name === 'worker' ? 'with search attributes and schedules' : `127.0.0.1:${env['PORT']}`),
  );
}
