import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { getTemporal } from '../../setup/temporalCli.mjs';
import { choosePorts, isListening } from '../../src/dev/ports.js';
import { startTemporal } from '../../src/dev/temporal.js';
import { searchAttributes } from '../../workflows/searchAttributes.js';
import { temporaryFolder } from './temporaryFolder.js';

const folder = temporaryFolder();
const binary = await getTemporal();

async function start(file: string) {
  const { port } = await choosePorts({ port: 28_000 + (process.pid % 2_000) });
  const server = await startTemporal({ binary, port, file, logFile: join(folder, 'temporal.log') });
  onTestFinished(() => server.stop());
  return { ...server, port };
}

test('teams can be searched for, also on a database file from before there were attributes', async () => {
  const file = join(folder, 'old.db');
  const { port: oldPort } = await choosePorts({ port: 26_000 + (process.pid % 2_000) });
  const args = [
    'server',
    'start-dev',
    '--headless',
    '--port',
    String(oldPort),
    '--db-filename',
    file,
  ];
  const old = spawn(binary, args, { stdio: 'ignore' });
  const oldEnded = new Promise((resolve) => old.once('exit', resolve));
  await expect.poll(() => isListening(oldPort), { timeout: 10_000 }).toBe(true);
  old.kill();
  await oldEnded;

  const { port } = await start(file);
  const list = ['operator', 'search-attribute', 'list', '--address', `127.0.0.1:${port}`];
  const registered = execFileSync(binary, list, { encoding: 'utf8' });
  for (const name of Object.keys(searchAttributes)) expect(registered).toContain(name);
});

test('one that an earlier run left on the database file is ended first', async () => {
  const file = join(folder, 'temporal.db');
  const left = await start(file);
  const next = await start(file);
  expect(await left.exited).toMatch(/^ended|was ended/);
  expect(await isListening(next.port)).toBe(true);
});
