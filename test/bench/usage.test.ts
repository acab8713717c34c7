import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tagih-results-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs one short round of the benchmark; what it prints. */
async function run(...options: string[]): Promise<string> {
  const short = ['--only', 'hot', '--rounds', '1', '--seconds', '0.2', '--results', folder];
  const bench = spawn(process.execPath, [
    '--import',
    'tsx',
    program,
    'usage',
    ...short,
    ...options,
  ]);
  const [printed, complaints, [code]] = await Promise.all([
    text(bench.stdout),
    text(bench.stderr),
    once(bench, 'exit'),
  ]);
  expect(code, complaints).toBe(0);
  return printed;
}

test('the benchmark of usage measures both sides, and verifies what they wrote', async () => {
  const printed = await run();
  expect(printed).toMatch(/single events of one hot team +[\d.]+ × +≥ 9 ×/);
  const { machine, results, targets } = JSON.parse(
    readFileSync(join(folder, 'usage.json'), 'utf8'),
  );
  expect(machine).toMatchObject({ cores: expect.any(Number), postgres: expect.any(String) });
  expect(results.map(({ side }: { side: string }) => side)).toEqual(['baseline', 'Tagih']);
  for (const { perSecond } of results) expect(perSecond).toBeGreaterThan(0);
  expect(targets).toHaveLength(1);
}, 120_000);

test('the benchmark of usage leaves a profile and a flame graph of the server', async () => {
  // Long enough that what is measured outweighs the server's end.
  await run('--profile', '--seconds', '1');
  expect(readdirSync(folder)).toEqual(['usage-hot.cpuprofile', 'usage-hot.svg']);
  expect(readFileSync(join(folder, 'usage-hot.svg'), 'utf8')).toContain('src/services/');
}, 120_000);
