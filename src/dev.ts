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

// An empty variable is an absent one: copies of .env.example have them.
const given = Object.fromEntries(
  Object.entries(environment()).filter((entry): entry is [string, string] => Boolean(entry[1])),
);
const dataDir = resolve(given.DATA_DIR ?? '.tagih');
const supervisor = new Supervisor((name, how) => {
  void fail(failure(name, how, logFile(dataDir, name)));
});

try {
  claimDirectory(dataDir);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => void end(0));
}
start().catch(fail);

async function start(): Promise<void> {
  const ports = await choosePorts({
    ...defaultPorts,
    server: Number(given.PORT ?? defaultPorts.server),
  });
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
      // Other commands are told what this one was started with.
      ...(given.DUNNING_INTERVALS && { DUNNING_INTERVALS: given.DUNNING_INTERVALS }),
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
