import { chmodSync, existsSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { getTemporal } from '../../setup/temporalCli.mjs';
import { migrate } from '../../src/db/migrate.js';
import { choosePorts } from '../../src/dev/ports.js';
import { startPostgres } from '../../src/dev/postgres.js';
import { startTemporal } from '../../src/dev/temporal.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** As the superuser; `CREATE DATABASE … TEMPLATE tagih_template` makes a migrated database. */
    postgresUrl: string;
    temporalAddress: string;
    /** The file of the bundled workflows, for `workflowBundle: { codePath }`. */
    workflowBundle: string;
  }
}

/** One Postgres, one Temporal that can skip time and one bundle of the workflows for all test files. */
export default async function setUp({ provide }: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(roomyFolder(), 'tagih-test-'));
  // As root Postgres runs as another user, who has to pass through.
  chmodSync(folder, 0o711);
  // When a run is aborted nobody calls the teardown; the processes end with this one by themselves.
  const removeFolder = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', removeFolder);

  // Far from the ports that people use, and from those of another run at the same time.
  const first = 10_000 + (process.pid % 20_000);
  const ports = await choosePorts({ postgres: first, temporal: first + 1 });
  const [postgres, temporal, workflowBundle] = await Promise.all([
    startPostgres({
      dataDir: join(folder, 'postgres'),
      port: ports.postgres,
      password: 'test',
      durable: false,
      logFile: join(folder, 'postgres.log'),
    }).then(async (started) => {
      await makeTemplate(started.url);
      return started;
    }),
    startTemporal({
      binary: await getTemporal(),
      port: ports.temporal,
      logFile: join(folder, 'temporal.log'),
      dynamicConfig: [
        'frontend.WorkflowTimeSkippingEnabled=true',
        // Without it each skip takes a second of real time.
        'history.timerProcessorMaxTimeShift="1ms"',
        // A team's workflow starts anew within a story, not only after 4,096 events.
        'limit.historyCount.suggestContinueAsNew=240',
        // A new run soon after the last one would sleep, and in real time.
        'history.workflowIdReuseMinimalInterval="0s"',
      ],
    }),
    bundleWorkflows(folder),
  ]);
  provide('postgresUrl', postgres.url);
  provide('temporalAddress', `127.0.0.1:${ports.temporal}`);
  provide('workflowBundle', workflowBundle);

  return async () => {
    await Promise.all([postgres.stop(), temporal.stop()]);
    removeFolder();
    process.off('exit', removeFolder);
  };
}

/** In memory where there is room: each database is three hundred files, which a disk makes and forgets slowly. */
function roomyFolder(): string {
  const memory = '/dev/shm';
  if (!existsSync(memory)) return tmpdir();
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize > 2 ** 30 ? memory : tmpdir();
}

/** A database with the schema: cloning it takes a tenth of migrating another. */
async function makeTemplate(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query('CREATE DATABASE tagih_template');
  await client.end();
  const template = new URL(url);
  template.pathname = '/tagih_template';
  await migrate(template.href);
}

async function bundleWorkflows(folder: string): Promise<string> {
  const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
  const { code } = await bundleWorkflowCode({
    workflowsPath,
    logger: new DefaultLogger('WARN'),
  });
  const file = join(folder, 'workflows.js');
  writeFileSync(file, code);
  return file;
}
