import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { failure, withLog } from './logs.js';
import { isListening } from './ports.js';
import { commandLine, endProcess, type Running, supervise } from './processes.js';

interface TemporalOptions {
  /** The Temporal CLI. */
  binary: string;
  port: number;
  logFile: string;
  /** Without one there is no UI. */
  uiPort?: number;
  /** Where it keeps its state; without one in memory. */
  file?: string;
  /** Made at the first start, beside `default`. */
  namespace?: string;
  /** Such as `frontend.WorkflowTimeSkippingEnabled=true`. */
  dynamicConfig?: string[];
}

/** Temporal's development server on 127.0.0.1, serving. */
export async function startTemporal({
  binary,
  port,
  logFile,
  uiPort,
  file,
  namespace = 'default',
  dynamicConfig = [],
}: TemporalOptions): Promise<Running> {
  if (file) await endOrphan(file);
  const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port)];
  args.push('--namespace', namespace, '--log-level', 'warn');
  args.push(...(uiPort ? ['--ui-port', String(uiPort)] : ['--headless']));
  if (file) args.push('--db-filename', file);
  for (const value of dynamicConfig) args.push('--dynamic-config-value', value);

  // Detached: Ctrl-C reaches a terminal's whole foreground group, and Temporal goes after the worker.
  const child = withLog(logFile, (log) =>
    spawn(binary, args, { stdio: ['ignore', log, log], detached: true }),
  );
  const server = supervise(child, 'SIGTERM');
  if (file) {
    writeFileSync(pidFile(file), String(server.pid));
    server.exited.then(() => rmSync(pidFile(file), { force: true }));
  }
  const ended = server.exited.then((how) => {
    throw failure('Temporal', how, logFile);
  });
  try {
    await Promise.race([ended, serving(port)]);
  } catch (error) {
    await server.stop();
    throw error;
  }
  ended.catch(() => {});
  return server;
}

const startLimitMs = 30_000;

/** Two servers on one database file lock each other out: one that a killed run left behind goes first. */
async function endOrphan(file: string): Promise<void> {
  if (!existsSync(pidFile(file))) return;
  const pid = Number(readFileSync(pidFile(file), 'utf8'));
  if (commandLine(pid).includes(file)) await endProcess(pid, 'SIGTERM');
}

function pidFile(file: string): string {
  return `${file}.pid`;
}

/** Its port listens a moment before the server answers. */
async function serving(port: number): Promise<void> {
  const deadline = Date.now() + startLimitMs;
  while (!(await isListening(port))) {
    if (Date.now() > deadline) throw new Error(`Temporal does not listen on port ${port}`);
    await delay(20);
  }
  const address = `127.0.0.1:${port}`;
  const connection = await Connection.connect({ address, connectTimeout: startLimitMs });
  await connection.close();
}
