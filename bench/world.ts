import { join } from 'node:path';
import type pg from 'pg';
import { getTemporal } from '../setup/temporalCli.mjs';
import { migrate } from '../src/db/migrate.js';
import type { Running } from '../src/dev/processes.js';
import { startTemporal } from '../src/dev/temporal.js';
import { bundleWorkflows, nodeFlags, type Program, whenReady } from './usage/programs.js';
import { WEBHOOK_SECRET } from './usage/sides.js';
import { freePort, type Stage } from './usage/stage.js';

/** A key with every scope. */
export const API_KEY = 'key-of-the-benchmark';

export interface Sandbox extends Program {
  url: string;
  /** Where it keeps its objects. */
  file: string;
}

/** The sandbox as a process; `name` is that of its file and its log. */
export async function startSandbox(stage: Stage, name: string): Promise<Sandbox> {
  const port = String(await freePort());
  const file = join(stage.folder, `${name}.db`);
  const args = ['--port', port, '--file', file];
  const program = stage.run({ script: 'src/sandbox/main.js', args, env: {}, name });
  await whenReady(program);
  return { ...program, url: `http://127.0.0.1:${port}`, file };
}

/** Temporal's development server, the sandbox and a ledger, for servers and workers. */
export interface World {
  ledger: pg.Pool;
  temporalAddress: string;
  sandbox: Sandbox;
  /** Starts a part of the product, with settings of its own; the URL is a server's. */
  start(
    part: 'server' | 'worker',
    settings?: Record<string, string>,
  ): Promise<Program & { url: string }>;
  close(): Promise<void>;
}

/** `name` is that of its database. */
export async function openWorld(stage: Stage, name: string): Promise<World> {
  await bundleWorkflows();
  const { url, ledger } = await stage.createDatabase(name, 'tagih');
  await migrate(url);
  const running: Running[] = [];
  const keep = async <T extends Running>(starting: Promise<T>) => {
    const started = await starting;
    running.unshift(started);
    return started;
  };
  const close = async () => {
    for (const one of running) await one.stop();
  };
  try {
    const port = await freePort();
    const binary = await getTemporal();
    const logFile = join(stage.folder, `${name}-temporal.log`);
    await keep(startTemporal({ binary, port, logFile }));
    const temporalAddress = `127.0.0.1:${port}`;
    const sandbox = await keep(startSandbox(stage, `${name}-sandbox`));
    const env = {
      DATABASE_URL: url,
      LOG_LEVEL: 'warn',
      TEMPORAL_ADDRESS: temporalAddress,
      STRIPE_SECRET_KEY: 'sk_test_bench',
      STRIPE_API_BASE: sandbox.url,
      STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
      NEXT_PUBLIC_STRIPE_PRO_PRICE_ID: 'price_sandbox_pro',
      NEXT_PUBLIC_STRIPE_ENTERPRISE_PRICE_ID: 'price_sandbox_enterprise',
      POSTMARK_SERVER_TOKEN: 'bench',
      POSTMARK_API_BASE: sandbox.url,
      EMAIL_FROM: 'billing@tagih.example',
      LINK_SECRET: 'link-secret-of-the-benchmark',
      TAGIH_API_KEY: API_KEY,
    };
    const start: World['start'] = async (part, settings = {}) => {
      const PORT = String(await freePort());
      const program = stage.run({
        script: `src/${part}.js`,
        nodeFlags: nodeFlags[part],
        env: { ...env, PORT, ...settings },
        name: `${name}-${part}`,
      });
      await keep(whenReady(program));
      return { ...program, url: `http://127.0.0.1:${PORT}` };
    };
    return { ledger, temporalAddress, sandbox, start, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** How long until `count` is 0, in seconds since `begun`. */
export async function secondsUntilNone(
  begun: number,
  count: () => Promise<number>,
): Promise<number> {
  for (;;) {
    const waiting = await count();
    const seconds = (performance.now() - begun) / 1_000;
    if (waiting === 0) return seconds;
    if (seconds > 300) throw new Error(`${waiting} still wait after five minutes`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Facts that Temporal has not got. */
export const factsWaiting = async (ledger: pg.Pool): Promise<number> => {
  const { rows } = await ledger.query<{ count: number }>('select count(*)::int from outbox');
  return rows[0]?.count ?? 0;
};
