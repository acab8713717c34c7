import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from './temporaryFolder.js';

const folder = temporaryFolder();

test('the demo brings what it needs, tells its story to the end, and stops', async () => {
  const { PATH = '' } = process.env;
  const program = fileURLToPath(new URL('../../demo/demo.ts', import.meta.url));
  const demo = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), program], {
    cwd: folder,
    env: { PATH, DATA_DIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
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
