import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until no other set-up works in this clone, and keeps others waiting until it is released.
 * The lock of a process that has died is taken over.
 *
 * @param {string} file
 * @returns {Promise<() => void>}
 */
export async function takeLock(file) {
  mkdirSync(dirname(file), { recursive: true });
  for (let told = false; ; await delay(200)) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    const holder = holderOf(file);
    if (holder !== undefined && !isAlive(holder)) rmSync(file, { force: true });
    else if (!told) {
      process.stderr.write('  … another set-up works in this folder: waiting for it\n');
      told = true;
    }
  }
}

/** @param {string} file @returns {number | undefined} undefined while it is being written or is gone */
function holderOf(file) {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}
