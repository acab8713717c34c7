import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { getTemporal } from '../../setup/temporalCli.mjs';
import { choosePorts, isListening } from '../../src/dev/ports.js';
import { startTemporal } from '../../src/dev/temporal.js';
import { temporaryFolder } from './temporaryFolder.js';

const folder = temporaryFolder();
const binary = await getTemporal();

async function start(file: string) {
  const { port } = await choosePorts({ port: 28_000 + (process.pid % 2_000) });
  const server = await startTemporal({ binary, port, file, logFile: join(folder, 'temporal.log') });
  onTestFinished(() => server.stop());
  return { ...server, port };
}

test('one that an earlier run left on the database file is ended first', async () => {
  const file = join(folder, 'temporal.db');
  const left = await start(file);
  const next = await start(file);
  expect(await left.exited).toMatch(/^ended|was ended/);
  expect(await isListening(next.port)).toBe(true);
});
