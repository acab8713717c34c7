import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A process that serves. */
export interface Running {
  pid: number;
  /** How it ended, in words; resolves whether or not it was asked to. */
  exited: Promise<string>;
  /** Asks it to end and waits until it has; after a grace it is killed. */
  stop(): Promise<void>;
}

/** Longer than the worker's own, who lets activities under way finish for 25 s. */
const graceMs = 30_000;

/** Watches over a child: ends it with `signal`, and also when this process is gone. */
export function supervise(child: ChildProcess, signal: StopSignal): Running {
  const { pid } = child;
  if (pid === undefined) throw new Error(`${child.spawnfile} could not be started`);
  const release = endWithThisProcess(pid, signal);
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, by) => {
      release();
      resolve(code === null ? `was ended by ${by}` : `ended with code ${code}`);
    });
  });
  return {
    pid,
    exited,
    async stop() {
      child.kill(signal);
      const kill = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await exited;
      clearTimeout(kill);
    },
  };
}

/** Watches over a process that an earlier run left behind. */
export function adopt(pid: number, signal: StopSignal): Running {
  const release = endWithThisProcess(pid, signal);
  const exited = gone(pid).then(() => {
    release();
    return 'ended';
  });
  return {
    pid,
    exited,
    async stop() {
      await endProcess(pid, signal);
      await exited;
    },
  };
}

type StopSignal = 'SIGINT' | 'SIGTERM';

/**
 * Ends a process when this one is gone, however it went; SIGKILL leaves no other way. A shell waits
 * for the end of its standard input, which nobody but this process holds open.
 */
function endWithThisProcess(pid: number, signal: StopSignal): () => void {
  const script = 'read -r _; kill -s "$0" "$1"';
  const guard = spawn('/bin/sh', ['-c', script, signal.slice('SIG'.length), String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.unref();
  return () => guard.kill('SIGKILL');
}

/** Ends a process that is no child of ours. */
export async function endProcess(pid: number, signal: StopSignal): Promise<void> {
  if (!isAlive(pid)) return;
  process.kill(pid, signal);
  if (await Promise.race([gone(pid).then(() => false), delay(graceMs, true, { ref: false })])) {
    process.kill(pid, 'SIGKILL');
    await gone(pid);
  }
}

async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await delay(50, undefined, { ref: false });
}

/** Whether a process runs; one that only waits for its parent to notice its end does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return !existsSync('/proc/self/stat') || !/\) Z /.test(readIfThere(`/proc/${pid}/stat`));
}

/** The command line of a process, empty when there is none: a recorded id may be another's by now. */
export function commandLine(pid: number): string {
  if (existsSync('/proc/self/stat'))
    return readIfThere(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
  try {
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
