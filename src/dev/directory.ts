import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { runningStack } from './localSettings.js';
import { lockDirectory } from './lock.js';

/**
 * Makes the data directory and keeps it to this process.
 * Throws when another one runs on it.
 */
export function claimDirectory(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true });
  // As root Postgres runs as another user, who has to pass through; what is secret has modes of its own.
  if (process.getuid?.() === 0) chmodSync(dataDir, statSync(dataDir).mode | 0o011);
  mkdirSync(join(dataDir, 'logs'), { recursive: true, mode: 0o700 });
  if (lockDirectory(dataDir)) return;
  const other = runningStack(dataDir);
  const where = other ? `: process ${other.pid}, ${other.addresses.PUBLIC_URL}` : '';
  throw new Error(
    `Tagih already runs on ${dataDir}${where}. Stop it first, or set DATA_DIR to another directory.`,
  );
}
