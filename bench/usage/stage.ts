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
import pg from 'pg';
import { choosePorts } from '../../src/dev/ports.js';
import { startPostgres } from '../../src/dev/postgres.js';
import { type Program, type ProgramOptions, startProgram } from './programs.js';

/** What all measurements share: a Postgres that loses nothing, and a folder that is removed. */
export interface Stage {
  postgresPid: number;
  /** Makes an empty database; its connection string, and a pool that finds tables in `schema`. */
  createDatabase(name: string, schema: string): Promise<{ url: string; ledger: pg.Pool }>;
  /** Starts a program, which ends before Postgres does. */
  run(options: Omit<ProgramOptions, 'folder'>): Program;
  /** Writes all dirty pages, so that no measurement pays for those of the one before. */
  checkpoint(): Promise<void>;
  postgresVersion: string;
  /** What one commit waits for the disk at least, in ms: the median of 8 kB written and synchronised. */
  syncMs: number;
  close(): Promise<void>;
}

const TMPFS = 0x01021994;

export async function openStage(): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'tagih-bench-'));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', removeFolder);
  if (statfsSync(folder).type === TMPFS) {
    throw new Error(`${tmpdir()} is memory, where commits are free: set TMPDIR to a disk.`);
  }
  // As root Postgres runs as another user, who has to pass through.
  chmodSync(folder, 0o711);
  const { postgres: port } = await choosePorts({ postgres: 15_433 });
  const postgres = await startPostgres({
    dataDir: join(folder, 'postgres'),
    port,
    password: 'bench',
    durable: true,
    logFile: join(folder, 'postgres.log'),
  });
  const client = new pg.Client({ connectionString: postgres.url });
  // Whoever interrupts a run stops Postgres under its connections.
  client.on('error', () => {});
  await client.connect();
  await requireDurability(client);
  const { rows } = await client.query<{ server_version: string }>('show server_version');
  const programs = new Set<Program>();
  return {
    postgresPid: postgres.pid,
    postgresVersion: rows[0]?.server_version ?? '',
    syncMs: timeToSync(join(folder, 'sync')),
    async createDatabase(name, schema) {
      await client.query(`create database ${name}`);
      const url = new URL(postgres.url);
      url.pathname = `/${name}`;
      const options = `-c search_path=${schema}`;
      const ledger = new pg.Pool({ connectionString: url.href, max: 2, options });
      ledger.on('error', () => {});
      return { url: url.href, ledger };
    },
    run(options) {
      const program = startProgram({ ...options, folder });
      programs.add(program);
      program.exited.then(() => programs.delete(program));
      return program;
    },
    async checkpoint() {
      await client.query('checkpoint');
    },
    async close() {
      await Promise.all([...programs].map((program) => program.stop()));
      await postgres.stop();
      removeFolder();
      process.off('exit', removeFolder);
    },
  };
}

async function requireDurability(client: pg.Client): Promise<void> {
  for (const name of ['fsync', 'synchronous_commit', 'full_page_writes']) {
    const { rows } = await client.query<Record<string, string>>(`show ${name}`);
    if (rows[0]?.[name] !== 'on')
      throw new Error(`Postgres runs with ${name} = ${rows[0]?.[name]}`);
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
