import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Product } from './product.js';

const program = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

/** Runs `tagih` on the product's ledger, with its Stripe and its Temporal, as a process of its own, as an operator's shell does. */
export function cli(
  { settings }: Pick<Product, 'settings'>,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { PATH } = process.env;
  const { DATABASE_URL, STRIPE_SECRET_KEY, STRIPE_API_BASE } = settings;
  const { TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE } = settings;
  const stripe = { STRIPE_SECRET_KEY, STRIPE_API_BASE };
  const env = { PATH, DATABASE_URL, TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, ...stripe };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--import', 'tsx', program, ...args],
      { env },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      },
    );
  });
}
