import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { commandLine, isAlive } from '../../src/dev/processes.js';
import { temporaryFolder } from './temporaryFolder.js';

// Two whole starts in one test, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

const folder = temporaryFolder();
const dataDir = join(folder, 'data');
const program = fileURLToPath(new URL('../../src/dev.ts', import.meta.url));

let current: ChildProcess | undefined;
afterEach(async () => {
  if (current?.exitCode !== null || current.signalCode !== null) return;
  current.kill();
  await once(current, 'exit');
});

/** `npm start` on the same data directory, far from a developer's own settings and ports. */
function launch() {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), program], {
    cwd: folder,
    env: { PATH, DATA_DIR: dataDir, PORT: String(24_000 + (process.pid % 2_000)) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const shown = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    shown.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    shown.stderr += chunk;
  });
  const exited = once(child, 'close').then(([code]) => code as number | null);
  return { child, shown, exited };
}

async function start() {
  const stack = launch();
  current = stack.child;
  await expect
    .poll(
      () => {
        if (stack.child.exitCode !== null) throw new Error(stack.shown.stderr);
        return stack.shown.stdout;
      },
      { timeout: 60_000 },
    )
    .toContain('idempotencyKey');
  return { ...stack, pid: stack.child.pid ?? 0, requests: requestsIn(stack.shown.stdout) };
}

function requestsIn(text: string): string[] {
  return text.split('\n').filter((line) => line.startsWith('curl '));
}

function paste(request: string | undefined) {
  return JSON.parse(execFileSync('/bin/sh', ['-c', `${request} --silent`], { encoding: 'utf8' }));
}

function childrenOf(pid: number): number[] {
  const list = execFileSync('/bin/sh', ['-c', `pgrep -P ${pid}`], { encoding: 'utf8' });
  return list.trim().split('\n').map(Number);
}

/** One without a command line has ended, and waits to be reaped. */
const stillRunning = (pids: number[]) => pids.filter(isAlive).map(commandLine).filter(Boolean);

test('a fresh installation answers the requests that it prints, and stops without leaving anything', async () => {
  const { child, exited, pid, requests } = await start();
  const [put, post] = requests;
  expect(paste(put)).toMatchObject({ teamId: 'acme', tier: 'free' });
  expect(paste(post)).toMatchObject({
    usedTokens: 120,
    overageCost: { amount: 0, currency: 'idr' },
  });
  expect(statSync(join(dataDir, 'secrets.json')).mode & 0o777).toBe(0o600);

  const processes = childrenOf(pid);
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
  expect(stillRunning(processes)).toEqual([]);
});

test('the next start goes on with the same data, and another one beside it is refused', async () => {
  const { requests, pid } = await start();
  expect(paste(requests[1])).toMatchObject({ result: 'duplicate', usedTokens: 120 });

  const second = launch();
  expect(await second.exited).toBe(1);
  expect(second.shown.stderr).toContain(`process ${pid}`);
});

test('a part that dies is named with its last words, and the rest stops', async () => {
  const { exited, pid, shown } = await start();
  const processes = childrenOf(pid);
  const worker = processes.find((child) => commandLine(child).includes('worker.ts')) ?? 0;
  process.kill(worker, 'SIGKILL');

  expect(await exited).toBe(1);
  expect(shown.stderr).toContain('worker was ended by SIGKILL');
  expect(stillRunning(processes)).toEqual([]);
});

test('when it is killed its parts end too, and the next start works', async () => {
  const { child, pid } = await start();
  const processes = childrenOf(pid);
  child.kill('SIGKILL');
  await expect.poll(() => stillRunning(processes), { timeout: 20_000 }).toEqual([]);

  const { requests } = await start();
  expect(paste(requests[1])).toMatchObject({ result: 'duplicate' });
  expect(JSON.parse(readFileSync(join(dataDir, 'running.json'), 'utf8')).pid).not.toBe(pid);
});

// Here, for two stacks that choose their ports at the same moment can choose the same.
test('the demo brings what it needs, tells its story to the end, and stops', async () => {
  const { PATH = '' } = process.env;
  const demo = spawn(
    process.execPath,
    [
      '--import',
      import.meta.resolve('tsx'),
      fileURLToPath(new URL('../../demo/demo.ts', import.meta.url)),
    ],
    { cwd: folder, env: { PATH, DATA_DIR: folder }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let told = '';
  for (const stream of [demo.stdout, demo.stderr]) {
    stream.on('data', (chunk) => {
      told += chunk;
    });
  }
  const [code] = await once(demo, 'close');
  expect(told).toContain('Usage of Kopi Nusantara');
  expect(told).not.toContain('Activity failed');
  expect(code).toBe(0);
}, 90_000);
