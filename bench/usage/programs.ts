import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { failure, withLog } from '../../src/dev/logs.js';
import { type Running, supervise } from '../../src/dev/processes.js';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** All programs that are measured, and those beside them, as plain JavaScript, by the compiler that `npm run build` uses. */
const compiled = join(repository, '.cache/bench');

export async function compilePrograms(): Promise<void> {
  const tsc = join(repository, 'node_modules/.bin/tsc');
  const child = spawn(tsc, ['-p', join(repository, 'bench/tsconfig.json')], { stdio: 'inherit' });
  const how = await supervise(child, 'SIGTERM').exited;
  if (how !== 'ended with code 0') throw new Error(`tsc ${how}`);
}

/** The workflows beside the compiled worker, as `npm run build` bundles them. */
export async function bundleWorkflows(): Promise<void> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(repository, 'workflows/index.ts'),
    logger: new DefaultLogger('WARN'),
  });
  writeFileSync(join(compiled, 'workflow-bundle.js'), code);
}

/** Those of docker-compose.yml for the two roles. */
export const nodeFlags = {
  server: ['--max-semi-space-size=32', '--heap-growing-percent=80'],
  worker: ['--max-semi-space-size=8', '--heap-growing-percent=80'],
};

export interface ProgramOptions {
  /** Relative to the repository, with `.js`. */
  script: string;
  args?: readonly string[];
  nodeFlags?: readonly string[];
  env: Record<string, string>;
  /** Away from a `.env` of the repository. */
  folder: string;
  /** Of its log, in `folder`. */
  name: string;
}

export type Program = Running & { child: ChildProcess; failed: Promise<never> };

/** Starts one of the compiled programs. `failed` rejects when it ends, with its last words. */
export function startProgram(options: ProgramOptions): Program {
  const { script, args = [], nodeFlags = [], env, folder, name } = options;
  const logFile = join(folder, `${name}.log`);
  // Detached: Ctrl-C reaches a terminal's whole foreground group, and the order of ending is ours.
  const child = withLog(logFile, (log) =>
    spawn(process.execPath, [...nodeFlags, join(compiled, script), ...args], {
      cwd: folder,
      env: { NODE_ENV: 'production', ...env },
      stdio: ['ignore', log, log, 'ipc'],
      detached: true,
    }),
  );
  const running = supervise(child, 'SIGTERM');
  const failed = running.exited.then((how): never => {
    throw failure(name, how, logFile);
  });
  failed.catch(() => {});
  return { ...running, child, failed };
}

/** The program, when it says that it serves. */
export async function whenReady(program: Program): Promise<Program> {
  const ready = new Promise<void>((resolve) => {
    program.child.on('message', (message) => message === 'ready' && resolve());
  });
  await Promise.race([program.failed, ready]);
  return program;
}
