import { spawn } from 'node:child_process';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { failure, withLog } from './logs.js';
import { makeFolderFor, type PostgresFiles, postgresFiles } from './postgresFiles.js';
import { adopt, commandLine, isAlive, type Running, supervise } from './processes.js';

interface PostgresOptions {
  /** The cluster's own folder; made at the first start. */
  dataDir: string;
  port: number;
  /** Of the user `postgres`; takes effect when the cluster is made. */
  password: string;
  /** `false` trades safety from a power cut for speed: for tests. */
  durable: boolean;
  logFile: string;
  settings?: Record<string, string>;
}

const startLimitMs = 60_000;

/**
 * Postgres 18 on 127.0.0.1, ready for connections. One that a killed run left behind on the same
 * data is taken over with the port it has.
 */
export async function startPostgres(
  options: PostgresOptions,
): Promise<Running & { url: string; port: number }> {
  const files = postgresFiles(options.dataDir);
  const postgres = (await takeOver(files.data)) ?? (await launch(files, options));
  return { ...postgres, url: postgresUrl(options.password, postgres.port) };
}

/** The connection string of the embedded Postgres. */
export function postgresUrl(password: string, port: number): string {
  return `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`;
}

async function launch(files: PostgresFiles, options: PostgresOptions) {
  const { port, durable, logFile } = options;
  if (!existsSync(join(files.data, 'PG_VERSION'))) await makeCluster(files, options);
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
    ...options.settings,
  };
  const args = ['-D', files.data, '-p', String(port)];
  for (const [name, value] of Object.entries(settings)) args.push('-c', `${name}=${value}`);
  // Detached: Ctrl-C reaches a terminal's whole foreground group, and Postgres goes last.
  const child = withLog(logFile, (log) =>
    spawn(join(files.bin, 'postgres'), args, {
      ...files.user,
      cwd: files.data,
      stdio: ['ignore', log, log],
      detached: true,
    }),
  );
  // SIGINT is Postgres' fast shutdown: it ends connections instead of waiting for them.
  const server = supervise(child, 'SIGINT');
  const ended = server.exited.then((how) => {
    throw failure('Postgres', how, logFile);
  });
  await Promise.race([ended, ready(files.data, server.pid)]);
  ended.catch(() => {});
  return { ...server, port };
}

/**
 * Made apart and then renamed, so that one cut short is made anew. The password goes through a
 * pipe: a file of it could be left behind.
 */
async function makeCluster(
  { bin, data, user }: PostgresFiles,
  { password, durable, logFile }: PostgresOptions,
) {
  const partial = `${data}.partial`;
  makeFolderFor(user, partial);
  const args = ['-D', partial, '--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8'];
  // The same order of text on every machine, whatever locales it has.
  args.push('--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8');
  if (!durable) args.push('--no-sync');
  const script = 'printf "%s\\n" "$PASSWORD" | "$0" --pwfile=/dev/stdin "$@"';
  const child = withLog(logFile, (log) =>
    spawn('/bin/sh', ['-c', script, join(bin, 'initdb'), ...args], {
      ...user,
      cwd: partial,
      env: { PATH: '/usr/bin:/bin', PASSWORD: password },
      stdio: ['ignore', log, log],
      detached: true,
    }),
  );
  const how = await supervise(child, 'SIGINT').exited;
  if (how !== 'ended with code 0') throw failure('initdb', how, logFile);
  renameSync(partial, data);
}

/** The running server of this data, or undefined. One that is about to end is waited for. */
async function takeOver(data: string): Promise<(Running & { port: number }) | undefined> {
  for (;;) {
    const found = postmaster(data);
    if (!found || !isAlive(found.pid) || !commandLine(found.pid).includes(data)) return undefined;
    if (found.status === 'ready') return { ...adopt(found.pid, 'SIGINT'), port: found.port };
    await delay(50);
  }
}

async function ready(data: string, pid: number): Promise<void> {
  const deadline = Date.now() + startLimitMs;
  for (;;) {
    const found = postmaster(data);
    if (found?.pid === pid && found.status === 'ready') return;
    if (Date.now() > deadline) throw new Error('Postgres is not ready after a minute');
    await delay(20);
  }
}

/** What `postmaster.pid` says; its lines are described in Postgres' src/include/utils/pidfile.h. */
function postmaster(data: string): { pid: number; port: number; status: string } | undefined {
  const file = join(data, 'postmaster.pid');
  if (!existsSync(file)) return undefined;
  const lines = readFileSync(file, 'utf8').split('\n');
  return { pid: Number(lines[0]), port: Number(lines[3]), status: lines[7]?.trim() ?? '' };
}
