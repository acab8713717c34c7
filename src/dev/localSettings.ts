import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { postgresUrl } from './postgres.js';
import { isAlive } from './processes.js';
import { readSecrets, type SecretName, type Secrets, writePrivately } from './secrets.js';

/** What runs on this machine, without a secret: those stay in `secrets.json`. */
export interface Stack {
  /** The process that holds it together. */
  pid: number;
  /** Settings by the names of their variables. */
  addresses: Record<string, string>;
  /** The generated secrets that are in force. */
  secrets: SecretName[];
  /** Of the embedded Postgres, if that is used. */
  postgresPort?: number;
}

/** The settings that a process of this stack gets, by the names of their variables. */
export function settingsOf(stack: Stack, secrets: Partial<Secrets>): Record<string, string> {
  const settings = { ...stack.addresses };
  for (const name of stack.secrets) settings[name] = secrets[name] ?? '';
  if (stack.postgresPort !== undefined) {
    settings.DATABASE_URL = postgresUrl(secrets.POSTGRES_PASSWORD ?? '', stack.postgresPort);
  }
  return settings;
}

/** The settings of the stack that runs on a data directory; undefined when none does. */
export function localSettings(dataDir: string): Record<string, string> | undefined {
  const stack = runningStack(dataDir);
  return stack && settingsOf(stack, readSecrets(dataDir) ?? {});
}

/** The stack that runs on a data directory; what a killed one left written does not count. */
export function runningStack(dataDir: string): Stack | undefined {
  const file = runningFile(dataDir);
  if (!existsSync(file)) return undefined;
  const stack: Stack = JSON.parse(readFileSync(file, 'utf8'));
  return isAlive(stack.pid) ? stack : undefined;
}

/** Lets other commands find the stack, until `forgetStack`. */
export function announceStack(dataDir: string, stack: Stack): void {
  writePrivately(runningFile(dataDir), stack);
}

export function forgetStack(dataDir: string): void {
  rmSync(runningFile(dataDir), { force: true });
}

function runningFile(dataDir: string): string {
  return join(dataDir, 'running.json');
}
