import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { choosePorts } from '../../src/dev/ports.js';
import { createDatabase, type Database } from '../support/database.js';
import { createNamespace } from '../support/namespace.js';
import { settingsOfNobody } from '../support/settings.js';

const run = promisify(execFile);
const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Laid out as in the image: what was built, beside the packages of production and nothing else. */
let image: string;
let database: Database;
let env: Record<string, string>;

beforeAll(async () => {
  image = mkdtempSync(join(tmpdir(), 'tagih-image-'));
  linkPackagesOfProduction();
  const build = run(process.execPath, ['setup/build.mjs', join(image, 'dist')], {
    cwd: repository,
  });
  const ports = choosePorts({ server: 10_000 + (process.pid % 20_000) });
  const namespace = createNamespace();
  database = await createDatabase();
  await emptied(database);
  env = {
    PORT: String((await ports).server),
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    TEMPORAL_NAMESPACE: await namespace,
    ...settingsOfNobody,
    LOG_LEVEL: 'error',
  };
  await build;
});
afterAll(async () => {
  rmSync(image, { recursive: true, force: true });
  await database?.drop();
});

function linkPackagesOfProduction(): void {
  cpSync(join(repository, 'package.json'), join(image, 'package.json'));
  const { dependencies } = JSON.parse(readFileSync(join(image, 'package.json'), 'utf8'));
  for (const name of Object.keys(dependencies)) {
    const link = join(image, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(repository, 'node_modules', name), link);
  }
}

async function emptied({ url }: Database): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('drop schema tagih cascade');
  await client.end();
}

/** Starts a program of the image; it says `ready` when it serves. */
async function start(program: string) {
  const child = fork(program, { cwd: image, env, execArgv: [] });
  const exited = once(child, 'exit');
  await Promise.race([
    once(child, 'message'),
    exited.then(([code]) => Promise.reject(new Error(`${program} ended with ${code}`))),
  ]);
  return {
    async stop(): Promise<unknown> {
      child.kill('SIGTERM');
      const [code] = await exited;
      return code;
    },
  };
}

/** The exit code of a program of the image. */
const outcome = (...args: string[]) =>
  run(process.execPath, args, { cwd: image, env }).then(
    () => 0,
    (error: { code: unknown }) => error.code,
  );

test('what is built migrates, serves and works on the packages of production alone', async () => {
  expect(await outcome('dist/src/cli.js', 'migrate')).toBe(0);
  const server = await start('dist/src/server.js');
  const ready = await fetch(`http://127.0.0.1:${env['PORT']}/readyz`);
  expect(ready.status).toBe(200);
  expect(await ready.json()).toEqual({
    checks: { postgres: 'up', temporal: 'up', relay: 'up' },
  });

  expect(await outcome('dist/src/workerHealth.js')).toBe(1);
  const worker = await start('dist/src/worker.js');
  await expect.poll(() => outcome('dist/src/workerHealth.js'), { timeout: 10_000 }).toBe(0);
  expect(await Promise.all([server.stop(), worker.stop()])).toEqual([0, 0]);
});
