import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm, root } from './command.mjs';

/** @typedef {{ version?: string, optional?: boolean, devOptional?: boolean }} LockedPackage */

/** `npm ci`, unless node_modules holds just what the lock file says. */
export const packages = {
  name: 'packages',
  doing: 'npm ci, about half a minute',

  // Versions, not times of files: a checkout or a copy changes those, and so does `npm install` by hand.
  async ready() {
    const installed = lockedPackages('node_modules/.package-lock.json');
    if (installed === undefined) return false;
    return Object.entries(lockedPackages('package-lock.json') ?? {}).every(
      ([path, { version, optional, devOptional }]) =>
        path === '' ||
        installed[path]?.version === version ||
        (installed[path] === undefined && (optional || devOptional)),
    );
  },

  async make() {
    // The command's own packages are development dependencies: NODE_ENV=production must not omit them.
    await npm(['ci', '--include=dev']);
  },
};

/**
 * @param {string} file
 * @returns {Record<string, LockedPackage> | undefined}
 */
export function lockedPackages(file) {
  const path = join(root, file);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).packages : undefined;
}
