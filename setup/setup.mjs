// Brings whatever a fresh clone lacks, and nothing that is there. The scripts of package.json run it
// first, on any Node from 20 on and before there are packages: it imports none.
import { join } from 'node:path';
import { root } from './command.mjs';
import { takeLock } from './lock.mjs';
import { node24 } from './node24.mjs';
import { packages } from './packages.mjs';
import { postgresLibraries } from './postgresLibraries.mjs';
import { step } from './printer.mjs';
import { temporalCli } from './temporalCli.mjs';

/** @type {(() => void) | undefined} */
let release;
try {
  if (process.platform === 'win32')
    throw new Error('Tagih runs on Linux and macOS; on Windows use WSL.');
  for (const part of [packages, node24, postgresLibraries, temporalCli]) {
    if (await part.ready()) continue;
    release ??= await takeLock(join(root, '.cache/setup.lock'));
    if (!(await part.ready())) await step(part.name, part.doing, part.make);
  }
} catch (error) {
  process.stderr.write(`\nSet-up stopped. ${/** @type {Error} */ (error).message}\n`);
  process.exitCode = 1;
} finally {
  release?.();
}
