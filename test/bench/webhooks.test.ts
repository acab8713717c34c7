import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));

test('the benchmark of accepting events measures both sides, and verifies what they stored (R15)', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tagih-results-'));
  const short = ['--only', 'accept', '--rounds', '1', '--seconds', '0.2', '--results', folder];
  try {
    const args = ['--import', 'tsx', program, 'webhooks', ...short];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout).toMatch(/events accepted +[\d.]+ × +≥ 0.6 ×/);
    const { results } = JSON.parse(readFileSync(join(folder, 'webhooks-accept.json'), 'utf8'));
    expect(results.map(({ side }: { side: string }) => side)).toEqual(['baseline', 'Tagih']);
    for (const { perSecond } of results) expect(perSecond).toBeGreaterThan(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 120_000);
