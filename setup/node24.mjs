import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { npm, root, run } from './command.mjs';
import { lockedPackages } from './packages.mjs';

const binary = join(root, 'node_modules/.bin/node');

/**
 * The Node that everything runs on: the package `node` brings it in an install script. Where those
 * are off npm reports success without it, and all would run on the machine's own.
 */
export const node24 = {
  name: 'Node 24',
  doing: 'fetching its package, for install scripts are off',

  async ready() {
    return (await installedVersion()) === `v${pinnedVersion()}`;
  },

  async make() {
    const version = pinnedVersion();
    // The names that the package's own install script uses.
    const { platform, arch } = process;
    const prefix = platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node';
    const name = `${prefix}-${platform}-${arch}`;
    const folder = mkdtempSync(join(root, '.cache', 'node-'));
    try {
      await npm(['pack', `${name}@${version}`, '--pack-destination', folder]);
      await run('tar', ['-xzf', join(folder, `${name}-${version}.tgz`), '-C', folder]);
      const target = join(root, 'node_modules/node/bin');
      mkdirSync(target, { recursive: true });
      chmodSync(join(folder, 'package/bin/node'), 0o755);
      renameSync(join(folder, 'package/bin/node'), join(target, 'node'));
      rmSync(binary, { force: true });
      symlinkSync('../node/bin/node', binary);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    const got = await installedVersion();
    if (got !== `v${version}`) {
      throw new Error(
        `node_modules/.bin/node should be Node ${version} and is ${got ?? 'missing or not for this machine'}.`,
      );
    }
  },
};

function pinnedVersion() {
  return lockedPackages('package-lock.json')?.['node_modules/node']?.version;
}

/** @returns {Promise<string | undefined>} */
function installedVersion() {
  return run(binary, ['--version'], { timeoutMs: 10_000 }).then(
    (output) => output.trim(),
    () => undefined,
  );
}
