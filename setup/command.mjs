import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Runs a program to its end.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number }} [options]
 * @returns {Promise<string>} what it wrote
 * @throws {Error} with the last lines of it, when the program is missing, fails or takes too long
 */
export function run(command, args, { cwd = root, env = process.env, timeoutMs = 600_000 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Not `timeout`, whose timer goes on when the program is missing, and keeps this process.
      signal: AbortSignal.timeout(timeoutMs),
      killSignal: 'SIGKILL',
    });
    let output = '';
    const collect = (/** @type {Buffer} */ chunk) => {
      output += chunk;
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => {
      // What the program itself has started may live on and hold these open.
      child.stdout.destroy();
      child.stderr.destroy();
      reject(new Error(`${command}: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(output);
      const how = code === null ? `was ended by ${signal}` : `failed with ${code}`;
      const tail = output.trim().split('\n').slice(-15).join('\n');
      reject(new Error(`${command} ${args.join(' ')} ${how}\n${tail}`));
    });
  });
}

/**
 * npm on the machine's own Node: the one in node_modules is what npm is about to replace.
 *
 * @param {string[]} args
 */
export function npm(args) {
  const PATH = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.endsWith(join('node_modules', '.bin')))
    .join(delimiter);
  return run('npm', args, { env: { ...process.env, PATH } });
}
