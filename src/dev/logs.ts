import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

export function logFile(dataDir: string, name: string): string {
  return join(dataDir, 'logs', `${name}.log`);
}

/** Opens a child's log for writing; that of the run before stays beside it as `….previous`. */
export function openLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  if (existsSync(file)) renameSync(file, `${file}.previous`);
  return openSync(file, 'a', 0o600);
}

/** Lends the log to `use`, for a child that writes to it by itself. */
export function withLog<T>(file: string, use: (descriptor: number) => T): T {
  const descriptor = openLog(file);
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Why a child failed: how it ended, and its last words. */
export function failure(name: string, how: string, logFile: string): Error {
  const tail = readFileSync(logFile, 'utf8').trim().split('\n').slice(-15).join('\n');
  return new Error(`${name} ${how}. The end of ${basename(logFile)}:\n${tail}`);
}
