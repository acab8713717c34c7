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
  temporalUi: string;
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
    ['--import', 'tsx', fileURLToPath(new URL('../src/dev.ts', import.meta.url))],
    {
      // Its own process group: Ctrl-C reaches the demo alone, which then stops the stack.
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit'],
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
  if (settings?.['SANDBOX_URL'] === undefined) return undefined;
  const { DUNNING_INTERVALS } = readSettings(settings, ['DUNNING_INTERVALS']);
  if (Math.max(...DUNNING_INTERVALS) > LONGEST_INTERVALS_MS) return undefined;
  return {
    api: settings['PUBLIC_URL'] ?? '',
    key: settings['TAGIH_API_KEY'] ?? '',
    sandbox: settings['SANDBOX_URL'],
    temporalUi: settings['TEMPORAL_UI_URL'] ?? '',
  };
}
