import { join } from 'node:path';
import type pg from 'pg';
import { getTemporal } from '../../setup/temporalCli.mjs';
import { migrate } from '../../src/db/migrate.js';
import { startNode } from '../../src/dev/node.js';
import type { Running } from '../../src/dev/processes.js';
import { startTemporal } from '../../src/dev/temporal.js';
import { WEBHOOK_SECRET } from '../usage/sides.js';
import { freePort, type Stage } from '../usage/stage.js';

/** Temporal's development server, the sandbox and a ledger, each a process, for servers and workers. */
export interface World {
  ledger: pg.Pool;
  temporalAddress: string;
  sandboxUrl: string;
  /** Starts a part of the product; the URL of a server. */
  start(part: 'server' | 'worker'): Promise<string>;
  close(): Promise<void>;
}

/** `name` is that of its database. */
export async function openWorld(stage: Stage, name: string): Promise<World> {
  const { url, ledger } = await stage.createDatabase(name, 'tagih');
  await migrate(url);
  const running: Running[] = [];
  const logFile = (part: string) => join(stage.folder, `${name}-${part}.log`);
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
    await keep(startTemporal({ binary, port, logFile: logFile('temporal') }));
    const temporalAddress = `127.0.0.1:${port}`;
    const sandboxPort = String(await freePort());
    const sandboxUrl = `http://127.0.0.1:${sandboxPort}`;
    const sandbox = { name: 'sandbox', script: 'sandbox/main.ts', args: ['--port', sandboxPort] };
    await keep(startNode({ ...sandbox, env: {}, logFile: logFile('sandbox') }));
    const env = {
      DATABASE_URL: url,
      LOG_LEVEL: 'warn',
      TEMPORAL_ADDRESS: temporalAddress,
      STRIPE_SECRET_KEY: 'sk_test_bench',
      STRIPE_API_BASE: sandboxUrl,
      STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
      NEXT_PUBLIC_STRIPE_PRO_PRICE_ID: 'price_sandbox_pro',
      NEXT_PUBLIC_STRIPE_ENTERPRISE_PRICE_ID: 'price_sandbox_enterprise',
      POSTMARK_SERVER_TOKEN: 'bench',
      POSTMARK_API_BASE: sandboxUrl,
      EMAIL_FROM: 'billing@tagih.example',
      LINK_SECRET: 'link-secret-of-the-benchmark',
    };
    const start = async (part: 'server' | 'worker') => {
      const PORT = String(await freePort());
      const script = `${part}.ts`;
      await keep(startNode({ name: part, script, env: { ...env, PORT }, logFile: logFile(part) }));
      return `http://127.0.0.1:${PORT}`;
    };
    return { ledger, temporalAddress, sandboxUrl, start, close };
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
