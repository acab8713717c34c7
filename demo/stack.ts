import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSettings } from '../src/config.js';
import { localSettings } from '../src/dev/localSettings.js';

/** What the demo talks to. */
export interface Stack {
  api: string;
  key: string;
  sandbox: string;
  /** Where the namespace's workflows are shown. */
  temporalUi: string;
  /** The billing time zone. */
  zone: string;
  /** Whether it was started for the demo alone. */
  own: boolean;
  stop(): Promise<void>;
}

/** Strikes that are further apart than this would make the demo longer than a minute. */
const LONGEST_INTERVALS_MS = 20_000;

/** An `npm start` that runs with intervals of seconds and the sandbox; else a new one, with data of its own. */
export async function findStack(env: NodeJS.ProcessEnv): Promise<Stack> {
  const running = stackOf(resolve(env['DATA_DIR'] ?? '.tagih'));
  if (running !== undefined) return { ...running, own: false, stop: async () => {} };
  const dataDir = mkdtempSync(join(tmpdir(), 'tagih-demo-'));
  const child = spawn(
    process.execPath,
    [
      '--import',
      import.meta.resolve('tsx'),
      fileURLToPath(new URL('../src/dev.ts', import.meta.url)),
    ],
    {
      // Its own process group: Ctrl-C reaches the demo alone, which then stops the stack.
      detached: true,
      // Away from a `.env` here: the demo's strikes of seconds are not for a real account.
      cwd: dataDir,
      // By the channel the stack hears when the demo is gone, however it ended.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { PATH: env['PATH'], DATA_DIR: dataDir, DUNNING_INTERVALS: '3s,3s' },
    },
  );
  const exited = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
    rmSync(dataDir, { recursive: true, force: true });
  };
  for (;;) {
    const stack = stackOf(dataDir);
    if (stack !== undefined) return { ...stack, own: true, stop };
    if (child.exitCode !== null) throw new Error('The stack for the demo did not start.');
    await new Promise((wake) => setTimeout(wake, 100));
  }
}

function stackOf(dataDir: string): Omit<Stack, 'own' | 'stop'> | undefined {
  const settings = localSettings(dataDir);
  const sandbox = settings?.['SANDBOX_URL'];
  if (settings === undefined || sandbox === undefined) return undefined;
  if (settings['STRIPE_API_BASE'] !== sandbox) return undefined;
  const { DUNNING_INTERVALS, BILLING_TIME_ZONE, TEMPORAL_NAMESPACE } = readSettings(settings, [
    'DUNNING_INTERVALS',
    'BILLING_TIME_ZONE',
    'TEMPORAL_NAMESPACE',
  ]);
  if (Math.max(...DUNNING_INTERVALS) > LONGEST_INTERVALS_MS) return undefined;
  return {
    api: settings['PUBLIC_URL'] ?? '',
    key: settings['TAGIH_API_KEY'] ?? '',
    sandbox,
    temporalUi: `${settings['TEMPORAL_UI_URL'] ?? ''}/namespaces/${TEMPORAL_NAMESPACE}`,
    zone: BILLING_TIME_ZONE,
  };
}
