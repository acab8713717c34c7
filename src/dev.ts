// `npm start`: everything on this machine, from Postgres to the worker, until Ctrl-C.
import { join, resolve } from 'node:path';
import { step } from '../setup/printer.mjs';
import { environment } from './config.js';
import { migrate } from './db/migrate.js';
import { claimDirectory } from './dev/directory.js';
import { announceStack, forgetStack, type Stack, settingsOf } from './dev/localSettings.js';
import { failure, logFile } from './dev/logs.js';
import {
  defaultPorts,
  type Machine,
  postgresPart,
  productPart,
  sandboxPart,
  temporalPart,
} from './dev/parts.js';
import { choosePorts } from './dev/ports.js';
import { ensureSecrets } from './dev/secrets.js';
import { Supervisor } from './dev/supervisor.js';
import { welcome } from './dev/welcome.js';

const given = environment();
const dataDir = resolve(given.DATA_DIR ?? '.tagih');
/** Settings of the caller that other commands are told; none is a secret. */
const TOLD = new Set([
  'TEMPORAL_ADDRESS',
  'TEMPORAL_NAMESPACE',
  'TEMPORAL_TASK_QUEUE',
  'BILLING_TIME_ZONE',
  'CLOSE_GRACE',
  'DUNNING_INTERVALS',
  'CONFIRMATION_WINDOW',
  'EMAIL_FROM',
  'NEXT_PUBLIC_STRIPE_PRO_PRICE_ID',
  'NEXT_PUBLIC_STRIPE_ENTERPRISE_PRICE_ID',
]);
const supervisor = new Supervisor((name, how) => {
  void fail(failure(name, how, logFile(dataDir, name)));
});

try {
  claimDirectory(dataDir);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}
// `disconnect`: whoever started this with a channel is gone.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect'] as const) {
  process.on(signal, () => void end(0));
}
start().catch(fail);

async function start(): Promise<void> {
  const wanted = { ...defaultPorts, server: Number(given.PORT ?? defaultPorts.server) };
  const ports = await choosePorts(wanted);
  for (const [name, port] of Object.entries(wanted)) {
    const got = ports[name as keyof typeof ports];
    if (got !== port) process.stdout.write(`  Port ${port} is taken: ${name} listens on ${got}.\n`);
  }
  const secrets = ensureSecrets(dataDir);
  const machine: Machine = { dataDir, given, ports, secrets, supervisor };
  const [postgres, temporal, sandbox] = await Promise.all([
    postgresPart(machine),
    temporalPart(machine),
    sandboxPart(machine),
  ]);
  const api = given.PUBLIC_URL ?? `http://localhost:${ports.server}`;
  const stack: Stack = {
    pid: process.pid,
    addresses: {
      PUBLIC_URL: api,
      ...temporal.addresses,
      ...sandbox.addresses,
      ...Object.fromEntries(Object.entries(given).filter(([name]) => TOLD.has(name))),
    },
    secrets: ['TAGIH_API_KEY', 'LINK_SECRET', ...(sandbox.secrets ?? [])],
    ...postgres,
  };
  const settings: Record<string, string> = {
    ...settingsOf(stack, secrets),
    ...given,
    // The caller's port may have been taken.
    PORT: String(ports.server),
    DATA_DIR: dataDir,
  };
  await step('migrations', 'running', () => migrate(settings.DATABASE_URL ?? ''));
  await Promise.all([
    productPart(machine, 'server', settings),
    productPart(machine, 'worker', settings),
  ]);
  announceStack(dataDir, stack);
  process.stdout.write(
    welcome({
      api,
      key: settings.TAGIH_API_KEY ?? '',
      temporalUi: stack.addresses.TEMPORAL_UI_URL,
      sandbox: stack.addresses.SANDBOX_URL,
      logs: join(dataDir, 'logs'),
    }),
  );
}

async function fail(error: Error): Promise<void> {
  // What fails because all is being ended is no news.
  if (supervisor.ending) return;
  process.stderr.write(`\n${error.message}\n\n`);
  await end(1);
}

async function end(code: number): Promise<void> {
  if (supervisor.ending) return;
  await step('stop', 'ending all processes', () => supervisor.end());
  forgetStack(dataDir);
  process.exit(code);
}
