import {
  chmodSync,
  closeSync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { choosePorts } from '../../src/dev/ports.js';
import { startPostgres } from '../../src/dev/postgres.js';
import { type Program, type ProgramOptions, startProgram } from './programs.js';

/** What all measurements share: a Postgres that loses nothing, and a folder that is removed. */
export interface Stage {
  readonly postgresPid: number;
  /** Of logs. */
  readonly folder: string;
  /** Makes an empty database; its connection string, and a pool that finds tables in `schema`. */
  createDatabase(name: string, schema: string): Promise<{ url: string; ledger: pg.Pool }>;
  /** Starts a program, which ends before Postgres does. */
  run(options: Omit<ProgramOptions, 'folder'>): Program;
  /** Ends Postgres as a power cut would, and starts it on what it left. */
  killPostgres(): Promise<void>;
  /** Writes all dirty pages, so that no measurement pays for those of the one before. */
  checkpoint(): Promise<void>;
  postgresVersion: string;
  /** What one commit waits for the disk at least, in ms: the median of 8 kB written and synchronised. */
  syncMs: number;
}

/** Sets a stage up for `work`, and clears it away after it, or when the run is interrupted. */
export async function onStage(work: (stage: Stage) => Promise<void>): Promise<void> {
  const interrupted = Promise.withResolvers<never>();
  // It may come before anything listens to it.
  interrupted.promise.catch(() => {});
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => interrupted.reject(new Error('Interrupted')));
  }
  const stage = await openStage();
  try {
    await Promise.race([interrupted.promise, work(stage)]);
  } finally {
    await stage.close();
  }
}

const TMPFS = 0x01021994;

async function openStage(): Promise<Stage & { close(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'tagih-bench-'));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', removeFolder);
  if (statfsSync(folder).type === TMPFS) {
    throw new Error(`${tmpdir()} is memory, where commits are free: set TMPDIR to a disk.`);
  }
  // As root Postgres runs as another user, who has to pass through.
  chmodSync(folder, 0o711);
  const port = await freePort();
  const start = () =>
    startPostgres({
      dataDir: join(folder, 'postgres'),
      port,
      password: 'bench',
      durable: true,
      logFile: join(folder, 'postgres.log'),
    });
  let postgres = await start();
  const { url } = postgres;
  await requireDurability(url);
  const [version] = await ask<{ server_version: string }>(url, 'show server_version');
  const programs = new Set<Program>();
  return {
    get postgresPid() {
      return postgres.pid;
    },
    folder,
    postgresVersion: version?.server_version ?? '',
    syncMs: timeToSync(join(folder, 'sync')),
    async createDatabase(name, schema) {
      await ask(url, `create database ${name}`);
      const own = new URL(url);
      own.pathname = `/${name}`;
      const options = `-c search_path=${schema}`;
      const ledger = new pg.Pool({ connectionString: own.href, max: 2, options });
      // Whoever interrupts a run stops Postgres under its connections.
      ledger.on('error', () => {});
      return { url: own.href, ledger };
    },
    run(options) {
      const program = startProgram({ ...options, folder });
      programs.add(program);
      program.exited.then(() => programs.delete(program));
      return program;
    },
    async killPostgres() {
      process.kill(postgres.pid, 'SIGKILL');
      await postgres.exited;
      postgres = await insist(start);
    },
    async checkpoint() {
      await ask(url, 'checkpoint');
    },
    async close() {
      await Promise.all([...programs].map((program) => program.stop()));
      await postgres.stop();
      removeFolder();
      process.off('exit', removeFolder);
    },
  };
}

/** Far from the ports that people use, and from those of another run at the same time. */
export async function freePort(): Promise<number> {
  const { port } = await choosePorts({ port: 10_000 + (process.pid % 20_000) });
  return port;
}

async function ask<Row extends pg.QueryResultRow>(url: string, question: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Row>(question)).rows;
  } finally {
    await client.end();
  }
}

/** Processes of the Postgres before may still hold its memory, and then it does not start. */
async function insist<T>(start: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await start();
    } catch (error) {
      if (tries === 50) throw error;
      await delay(200);
    }
  }
}

async function requireDurability(url: string): Promise<void> {
  for (const name of ['fsync', 'synchronous_commit', 'full_page_writes']) {
    const [row] = await ask<Record<string, string>>(url, `show ${name}`);
    if (row?.[name] !== 'on') throw new Error(`Postgres runs with ${name} = ${row?.[name]}`);
  }
}

function timeToSync(file: string): number {
  const page = Buffer.alloc(8_192, 1);
  const descriptor = openSync(file, 'w');
  const times = Array.from({ length: 50 }, () => {
    const begun = performance.now();
    writeSync(descriptor, page, 0, page.length, 0);
    fdatasyncSync(descriptor);
    return performance.now() - begun;
  });
  closeSync(descriptor);
  return times.toSorted((a, b) => a - b)[25] ?? 0;
}
