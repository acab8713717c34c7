import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const SQLITE_BUSY = 5;

/** Held here as well, for a lock that is collected is a lock that is released. */
const held = new Set<DatabaseSync>();

/**
 * Keeps a data directory to this process, and answers whether it could be had. SQLite's lock is the
 * operating system's: it ends with the process, however that ends, so no stale one is ever left.
 */
export function lockDirectory(dataDir: string): boolean {
  const lock = new DatabaseSync(join(dataDir, 'lock'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return false;
    throw error;
  }
  held.add(lock);
  return true;
}
