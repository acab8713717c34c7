import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const checked = ['src', 'workflows', 'activities', 'bench', 'examples', 'year', 'test/model'];

interface Cruise {
  modules: { source: string; dependencies: { resolved: string }[] }[];
  summary: { violations: { from: string; to: string; rule: { name: string } }[] };
}

/** What the check of import directions finds in a folder, with the repository's own rules. */
function cruise(folder: string, parts: readonly string[]): Cruise {
  const program = join(repository, 'node_modules/.bin/depcruise');
  // With JSON as output the exit code is 0 whatever was found.
  const args = ['--output-type', 'json', ...parts];
  return JSON.parse(execFileSync(program, args, { cwd: folder, encoding: 'utf8', maxBuffer: 1e9 }));
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tagih-arrows-'));
  for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json']) {
    copyFileSync(join(repository, file), join(folder, file));
  }
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A file that imports another, which is there as well. */
function plant(from: string, to: string): void {
  const isFile = to.endsWith('.ts');
  const up = '../'.repeat(from.split('/').length - 1);
  const specifier = isFile ? `${up}${to.replace(/\.ts$/, '.js')}` : to;
  write(from, `import { thing } from '${specifier}';\nexport const user = thing;\n`);
  if (isFile) write(to, 'export const thing = 1;\n');
}

function write(file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}

test('the check sees every module, and finds every arrow in its direction', () => {
  const { modules, summary } = cruise(repository, checked);
  const seen = new Set(modules.map(({ source }) => source));
  const files = globSync(
    checked.map((part) => `${part}/**/*.ts`),
    { cwd: repository },
  );
  expect(files.length).toBeGreaterThan(50);
  expect(files.filter((file) => !seen.has(file))).toEqual([]);
  const arrows = modules.flatMap(({ dependencies }) => dependencies);
  expect(arrows.length).toBeGreaterThan(files.length);
  expect(summary.violations).toEqual([]);
});

test('R8: nothing that activities come to reads the clock of the machine', () => {
  const { modules } = cruise(repository, ['activities']);
  const files = modules
    .map(({ source }) => source)
    .filter((file) => /^(activities|src)\//.test(file));
  expect(files).toContain('src/stripe/payment.ts');
  const readsClock = (file: string) =>
    /Date\.now\(|new Date\(\)/.test(readFileSync(join(repository, file), 'utf8'));
  expect(files.filter(readsClock)).toEqual(['activities/now.ts']);
});

const forbidden: [rule: string, from: string, to: string][] = [
  ['domain-is-pure', 'src/domain/rating.ts', 'src/db/usage.ts'],
  ['domain-knows-no-system', 'src/domain/plans.ts', 'node:fs'],
  ['domain-knows-no-system', 'src/domain/money.ts', 'pg'],
  ['db', 'src/db/teams.ts', 'src/services/teamService.ts'],
  ['stripe', 'src/stripe/client.ts', 'src/services/resync.ts'],
  ['email', 'src/email/mails.ts', 'src/stripe/prices.ts'],
  ['services', 'src/services/turns.ts', 'src/app/problem.ts'],
  ['outbox', 'src/outbox/relay.ts', 'src/app/app.ts'],
  ['app', 'src/app/mount.ts', 'src/outbox/temporal.ts'],
  ['activities', 'activities/stripe.ts', 'workflows/subscription.ts'],
  ['workflows', 'workflows/close.ts', 'src/db/closes.ts'],
  ['workflows-are-deterministic', 'workflows/calls.ts', 'node:crypto'],
  ['workflows-are-deterministic', 'workflows/mailer.ts', 'stripe'],
  ['client-imports-nothing', 'src/client/http.ts', 'src/app/problem.ts'],
  ['client-imports-nothing', 'src/client/index.ts', 'zod'],
  ['client-shapes', 'src/client/shapes.ts', 'src/services/billingService.ts'],
  ['examples', 'examples/ai-service/service.ts', 'src/domain/access.ts'],
  ['sandbox', 'src/sandbox/store.ts', 'src/domain/period.ts'],
  ['product', 'src/dev/welcome.ts', 'bench/usage/stage.ts'],
  ['product', 'src/dev/processes.ts', 'year/report.ts'],
  ['model-imports-nothing', 'year/model/tagih.ts', 'src/domain/dunning.ts'],
  ['model-imports-nothing', 'year/model/stripe.ts', 'src/sandbox/objects.ts'],
  ['model-imports-nothing', 'year/model/calendar.ts', 'node:crypto'],
  ['model-imports-nothing', 'year/model/fate.ts', 'stripe'],
  ['model-imports-nothing', 'test/model/bill.ts', 'src/domain/explanation.ts'],
  ['baseline', 'bench/usage/naive/ledger.ts', 'src/dev/ports.ts'],
  ['bench', 'bench/usage/sides.ts', 'src/services/apiKeys.ts'],
];

test('the check refuses each arrow that is forbidden', () => {
  for (const [, from, to] of forbidden) plant(from, to);
  const { summary } = cruise(folder, checked);
  const found = summary.violations.map(({ rule, from }) => `${rule.name} ${from}`).toSorted();
  expect(found).toEqual(forbidden.map(([rule, from]) => `${rule} ${from}`).toSorted());
});

test('the check refuses a circle', () => {
  plant('src/domain/one.ts', 'src/domain/two.ts');
  write('src/domain/two.ts', "import { user } from './one.js';\nexport const thing = user;\n");
  const { summary } = cruise(folder, ['src']);
  expect(new Set(summary.violations.map(({ rule }) => rule.name))).toEqual(new Set(['no-cycles']));
});
