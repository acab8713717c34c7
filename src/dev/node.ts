import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { failure, openLog } from './logs.js';
import { type Running, supervise } from './processes.js';

interface NodeOptions {
  name: string;
  /** Relative to `src/`. */
  script: string;
  args?: string[];
  env: Record<string, string>;
  logFile: string;
}

/** Runs one of Tagih's own programs from source, up to the moment when it says that it serves. */
export async function startNode({
  name,
  script,
  args = [],
  env,
  logFile,
}: NodeOptions): Promise<Running> {
  const file = fileURLToPath(new URL(`../${script}`, import.meta.url));
  // Detached: Ctrl-C reaches a terminal's whole foreground group, and the order of ending is ours.
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), file, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
  });
  const running = supervise(child, 'SIGTERM');
  const logged = keepLog(child, name, logFile);
  const ended = running.exited.then(async (how) => {
    await logged;
    throw failure(name, how, logFile);
  });
  const ready = new Promise<void>((resolve) => {
    child.on('message', (message) => message === 'ready' && resolve());
  });
  await Promise.race([ended, ready]);
  ended.catch(() => {});
  return running;
}

/** Writes a child's output to its log, and shows what deserves a look. */
async function keepLog(child: ChildProcess, name: string, logFile: string): Promise<void> {
  const log = openLog(logFile);
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  await Promise.all(streams.map((stream) => keepLines(stream, name, log)));
  closeSync(log);
}

async function keepLines(stream: Readable, name: string, log: number): Promise<void> {
  for await (const line of createInterface({ input: stream })) {
    writeSync(log, `${line}\n`);
    const warning = warningIn(line);
    if (warning !== undefined) process.stderr.write(`  ! ${name}: ${warning}\n`);
  }
}

/** Pino's number for `warn`. */
const WARN = 40;

/** The message of a log line of level warn or worse. */
function warningIn(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const { level, msg, err } = JSON.parse(line);
    if (!(level >= WARN)) return undefined;
    return err?.message ? `${msg} (${err.message})` : String(msg);
  } catch {
    return undefined;
  }
}
