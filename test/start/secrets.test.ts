import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ensureSecrets } from '../../src/dev/secrets.js';
import { temporaryFolder } from './temporaryFolder.js';

const folder = temporaryFolder();

test('secrets are made once, and nobody else can read them', () => {
  const first = ensureSecrets(folder);
  expect(ensureSecrets(folder)).toEqual(first);
  expect(first.TAGIH_API_KEY).toMatch(/^tagih_\w{40,}$/);
  expect(statSync(join(folder, 'secrets.json')).mode & 0o777).toBe(0o600);
});

test('a secret that is missing is added beside those that are there', () => {
  const { LINK_SECRET: _, ...others } = ensureSecrets(folder);
  const file = join(folder, 'secrets.json');
  writeFileSync(file, JSON.stringify(others));
  expect(ensureSecrets(folder)).toMatchObject({ ...others, LINK_SECRET: expect.any(String) });
  expect(JSON.parse(readFileSync(file, 'utf8'))).toHaveProperty('LINK_SECRET');
});
