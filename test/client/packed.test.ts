import { execFile } from 'node:child_process';
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildClient } from '../../setup/client.mjs';
import { KEY, sharedProduct } from '../support/product.js';
import { freeTeam } from '../support/stories.js';

const run = promisify(execFile);
const repository = fileURLToPath(new URL('../..', import.meta.url));

const product = sharedProduct({}, { worker: false });

/** A clone that was built, without its packages: what is packed from it is all that others have. */
let clone: string;
beforeAll(async () => {
  clone = mkdtempSync(join(tmpdir(), 'tagih-packed-'));
  for (const file of ['package.json', 'README.md', 'LICENSE']) {
    cpSync(join(repository, file), join(clone, file));
  }
  await buildClient(join(clone, 'dist/client'));
});
afterAll(() => rmSync(clone, { recursive: true, force: true }));

/** A folder of somebody's service, with what `npm pack` made of a folder of the clone. */
async function installed(folder: string): Promise<{ service: string; packed: string }> {
  const service = mkdtempSync(join(clone, 'service-'));
  const packed = join(service, 'node_modules/tagih');
  mkdirSync(packed, { recursive: true });
  const options = ['--ignore-scripts', '--json', '--pack-destination', service];
  await run('npm', ['pack', folder, ...options], { cwd: clone });
  const [archive = ''] = globSync('*.tgz', { cwd: service });
  await run('tar', ['-xzf', join(service, archive), '-C', packed, '--strip-components', '1']);
  writeFileSync(join(service, 'package.json'), '{ "type": "module" }');
  return { service, packed };
}

/** As strict as it gets, and declarations are not skipped: there is nothing but the standard library. */
async function typeErrors(service: string, files: Record<string, string>): Promise<string> {
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2022', 'dom'],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    skipLibCheck: false,
  };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(service, file), text);
  const project = { compilerOptions, files: Object.keys(files) };
  writeFileSync(join(service, 'tsconfig.json'), JSON.stringify(project));
  return run(join(repository, 'node_modules/.bin/tsc'), ['-p', service]).then(
    () => '',
    ({ stdout }: { stdout: string }) => stdout,
  );
}

const use = `
import { createTagih, type Access, TagihError, type TeamUsage, type Tracked } from 'tagih/client';

const tagih = createTagih({ url: 'http://localhost:3000', apiKey: 'tagih_key' });
const tracked: Tracked = await tagih.track({ teamId: 'acme', tokens: 1, metadata: { model: 'large' } });
const result: 'recorded' | 'duplicate' = tracked.result;
const money: number = tracked.overageCost.amount;
const many = await tagih.trackMany([{ teamId: 'acme', idempotencyKey: 'k', tokens: 1 }]);
for (const one of many) {
  if ('error' in one) console.log(one.result satisfies 'conflict' | 'invalid' | 'unknown_team' | 'unacknowledged', one.error.code);
  else console.log(one.usedTokens, one.result satisfies 'recorded' | 'duplicate');
}
const access: Access = await tagih.access('acme', { tokens: 5, signal: AbortSignal.timeout(1_000) });
if (access.fix === 'upgrade') console.log(access.reason satisfies 'ok' | 'free_limit_reached' | 'limited_by_payment' | 'locked_by_payment');
const usage: TeamUsage = await tagih.usage('acme', { period: '2026-11', groupBy: 'model' });
console.log(result, money, usage.days[0]?.tokens, usage.groups?.[0]?.key);
await tagih.track({ teamId: 'acme', tokens: 1 }).catch((error: unknown) => {
  if (error instanceof TagihError && error.event) return tagih.track(error.event);
  throw error;
});
await tagih.flush();
await tagih.close({ signal: AbortSignal.timeout(1_000) });
`;

const misuse = [
  "createTagih({ url: 'http://localhost:3000' });",
  "createTagih({ url: 'http://localhost:3000', apiKey: 'k', batchSize: 5 });",
  "tagih.track({ teamId: 'acme' });",
  'tagih.track({ tokens: 1 });',
  "tagih.track({ teamId: 'acme', tokens: '1' });",
  "tagih.track({ teamId: 'acme', tokens: 1, model: 'large' });",
  "tagih.track({ teamId: 'acme', tokens: 1, metadata: { size: 5 } });",
  "tagih.track({ teamId: 'acme', tokens: 1, occurredAt: new Date() });",
  "tagih.trackMany({ teamId: 'acme', tokens: 1 });",
  "(await tagih.track({ teamId: 'acme', tokens: 1 })).access;",
  '(await tagih.trackMany([]))[0]?.usedTokens;',
  "(await tagih.access('acme')).reason === 'no_money';",
  "tagih.access('acme', { tokens: '5' });",
  "tagih.usage({ teamId: 'acme' });",
  "new TagihError('broken');",
];

describe.each(['.', './dist/client'])('npm pack %s', (folder) => {
  test('holds the client, and nothing that imports anything else', async () => {
    const { packed } = await installed(folder);
    const files = globSync('**/*.*', { cwd: packed }).toSorted();
    const code = files.filter((file) => /\.(js|ts)$/.test(file));
    const others = files.filter((file) => !code.includes(file));
    expect(others.map((file) => file.replace('dist/client/', ''))).toContain('package.json');
    expect(code.length).toBeGreaterThan(5);
    for (const file of code) {
      const text = readFileSync(join(packed, file), 'utf8');
      const imports = text.matchAll(/(?:from|import\(|import|require\()\s*['"]([^'"]+)['"]/g);
      const foreign = [...imports].map(([, name = '']) => name);
      expect(foreign.filter((name) => !/^\.\/\w+\.js$/.test(name))).toEqual([]);
      expect(text).not.toMatch(/\bzod\b|: any\b/);
    }
  });

  test('is typed where zod is not installed, and wrong use is an error', async () => {
    const { service } = await installed(folder);
    expect(await typeErrors(service, { 'use.ts': use })).toBe('');
    const head = `import { createTagih, TagihError } from 'tagih/client';
const tagih = createTagih({ url: 'http://localhost:3000', apiKey: 'k' });\n`;
    const wrong = misuse.map((line) => `// @ts-expect-error\n${line}`);
    expect(await typeErrors(service, { 'misuse.ts': head + wrong.join('\n') })).toBe('');
  });
});

test('the client alone asks npm for no other package', async () => {
  const { packed } = await installed('./dist/client');
  const manifest = JSON.parse(readFileSync(join(packed, 'package.json'), 'utf8'));
  expect(Object.keys(manifest).filter((name) => /dependencies/i.test(name))).toEqual([]);
});

describe('what the documentation shows', () => {
  const snippet = (page: string) => {
    const [, code = ''] =
      /```ts\n(.*?)```/s.exec(readFileSync(join(repository, page), 'utf8')) ?? [];
    return code;
  };
  const pages = ['README.md', 'docs/client.md'];

  test.each(pages)('in %s is typed, and does what it says', async (page) => {
    const [{ service }, teamId] = await Promise.all([
      installed('./dist/client'),
      freeTeam(product),
    ]);
    const code = snippet(page)
      .replace('http://localhost:3000', product.url)
      .replace('tagih_…', KEY)
      .replaceAll("'acme'", `'${teamId}'`);
    const node = 'declare const process: { env: Record<string, string | undefined> };';
    expect(await typeErrors(service, { 'run.ts': code, 'node.d.ts': node })).toBe('');

    const env = { PATH: process.env['PATH'], TAGIH_API_KEY: KEY };
    const { stdout } = await run(process.execPath, ['run.ts'], { cwd: service, env });
    const { usedTokens } = (await product.api('GET', `/api/v1/teams/${teamId}/usage`)).body;
    expect(usedTokens).toBeGreaterThan(0);
    expect(stdout).toContain(String(usedTokens));
  });
});
