import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { isAlive } from '../../src/dev/processes.js';

test('a child ends with the process that started it, even when that is killed', async () => {
  const script = fileURLToPath(new URL('leavesAChild.ts', import.meta.url));
  const parent = spawn(process.execPath, ['--import', 'tsx', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output] = await once(parent.stdout, 'data');
  const child = Number(String(output));
  expect(isAlive(child)).toBe(true);

  parent.kill('SIGKILL');

  await expect.poll(() => isAlive(child), { timeout: 5_000 }).toBe(false);
});
