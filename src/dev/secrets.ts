import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const random = () => randomBytes(24).toString('hex');

const generate = {
  TAGIH_API_KEY: () => `tagih_${random()}`,
  LINK_SECRET: random,
  POSTGRES_PASSWORD: random,
  STRIPE_SECRET_KEY: () => `sk_test_sandbox_${random()}`,
  STRIPE_WEBHOOK_SECRET: () => `whsec_${random()}`,
  POSTMARK_SERVER_TOKEN: random,
};

export type SecretName = keyof typeof generate;
export type Secrets = Record<SecretName, string>;

/** The secrets of this data directory, made where there are none yet; a file of mode 600. */
export function ensureSecrets(dataDir: string): Secrets {
  const known = readSecrets(dataDir) ?? {};
  const names = Object.keys(generate) as SecretName[];
  const secrets = Object.fromEntries(
    names.map((name) => [name, known[name] ?? generate[name]()]),
  ) as Secrets;
  writePrivately(secretsFile(dataDir), secrets);
  return secrets;
}

/** The secrets that an earlier start made. */
export function readSecrets(dataDir: string): Partial<Secrets> | undefined {
  const file = secretsFile(dataDir);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

/** Writes a file that nobody else can read at any moment, and that is never seen half. */
export function writePrivately(file: string, content: object): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function secretsFile(dataDir: string): string {
  return join(dataDir, 'secrets.json');
}
