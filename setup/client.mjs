// Fills `dist/client/`, or the folder that is named, with the client for services: a package of its
// own that imports nothing.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { root, run } from './command.mjs';
import { step } from './printer.mjs';

/** @param {string} folder */
export async function buildClient(folder) {
  mkdirSync(join(root, '.cache'), { recursive: true });
  const stage = mkdtempSync(join(root, '.cache/client-'));
  try {
    cpSync(join(root, 'src/client'), join(stage, 'client'), { recursive: true });
    writeFileSync(join(stage, 'client/shapes.ts'), await plainShapes(stage));
    rmSync(folder, { recursive: true, force: true });
    // By the standard library of Node 20 and of browsers, without a package in sight.
    await compile(stage, 'client/index.ts', folder, {
      rootDir: 'client',
      target: 'es2022',
      lib: ['es2023', 'dom'],
      types: [],
    });
  } finally {
    rmSync(stage, { recursive: true });
  }
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`);
}

/**
 * The types of src/client/shapes.ts without what they were inferred from. The compiler writes an
 * inferred type out in full, and a declared one as it was declared: so each is inferred anew.
 *
 * @param {string} stage
 */
async function plainShapes(stage) {
  const source = readFileSync(join(root, 'src/client/shapes.ts'), 'utf8');
  const inferred = [...source.matchAll(/(\/\*\*(?:(?!\*\/).)*\*\/\n)?export type (\w+)/gs)].map(
    ([, doc = '', name]) => `${doc}export const ${name} = plain<shapes.${name}>();`,
  );
  const lines = [
    "import type * as shapes from '../../src/client/shapes.js';",
    'declare function plain<T>(): { [K in keyof T]: T[K] };',
    ...inferred,
  ];
  writeFileSync(join(stage, 'shapes.ts'), lines.join('\n'));
  const emitted = join(stage, 'shapes');
  await compile(stage, 'shapes.ts', emitted, { rootDir: root, emitDeclarationOnly: true });
  const declarations = readFileSync(join(emitted, stage.slice(root.length), 'shapes.d.ts'), 'utf8');
  return declarations.replace(/^export declare const (\w+):/gm, 'export type $1 =');
}

/**
 * @param {string} stage
 * @param {string} file
 * @param {string} outDir
 * @param {object} compilerOptions
 */
async function compile(stage, file, outDir, compilerOptions) {
  const config = join(stage, 'tsconfig.json');
  const options = { noEmit: false, declaration: true, outDir, ...compilerOptions };
  const project = { extends: '../../tsconfig.json', compilerOptions: options };
  writeFileSync(config, JSON.stringify({ ...project, files: [file], include: [] }));
  await run(join(root, 'node_modules/.bin/tsc'), ['-p', config]);
}

/** For those who install the client alone: the packages of the whole product are not its own. */
function manifest() {
  const { name, version, license, type, engines } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  const client = { types: './index.d.ts', default: './index.js' };
  return { name, version, license, type, engines, exports: { './client': client } };
}

if (import.meta.main) {
  const folder = resolve(process.argv[2] ?? join(root, 'dist/client'));
  await step('Client', 'compiling the client', () => buildClient(folder));
}
