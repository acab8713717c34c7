import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readSettings, settingNames } from '../../src/config.js';
import { searchAttributes } from '../../workflows/searchAttributes.js';

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const compose = read('docker-compose.yml');

/** The variables of `.env.example`; those commented out show their default, if they have one. */
const example = read('.env.example')
  .split('\n')
  .flatMap((line) => {
    const [, comment, name, value] = /^(# )?([A-Z_]+)=(.*)$/.exec(line) ?? [];
    return name === undefined || value === undefined
      ? []
      : [{ name, value, optional: comment !== undefined }];
  });

test('.env.example has every setting, what docker-compose.yml asks for, and nothing else', () => {
  const asked = [...compose.matchAll(/\$\{(\w+)/g)].map(([, name]) => name);
  const names = example.map(({ name }) => name);
  expect(names.toSorted()).toEqual([...new Set([...settingNames, ...asked])].toSorted());
});

test('.env.example leaves required settings empty and shows the defaults of others', () => {
  const required = {
    DATABASE_URL: 'postgres://localhost/tagih',
    TEMPORAL_ADDRESS: 'localhost:7233',
    STRIPE_SECRET_KEY: 'sk_test_x',
    STRIPE_WEBHOOK_SECRET: 'whsec_x',
    NEXT_PUBLIC_STRIPE_PRO_PRICE_ID: 'price_a',
    NEXT_PUBLIC_STRIPE_ENTERPRISE_PRICE_ID: 'price_b',
    POSTMARK_SERVER_TOKEN: 'token',
    EMAIL_FROM: 'billing@tagih.example',
    LINK_SECRET: 'secret',
  };
  const optional = example.filter((setting) => setting.optional);
  const defaults = optional.filter(({ value }) => value !== '');
  const shown = Object.fromEntries(defaults.map(({ name, value }) => [name, value]));
  expect(readSettings({ ...shown, ...required })).toEqual(readSettings(required));
  const empty = example.filter((setting) => !setting.optional && setting.value === '');
  expect(empty).toHaveLength(example.length - optional.length);
  expect(empty.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(required)));
});

test('docker compose registers the search attributes that workflows set', () => {
  const types = { KEYWORD: 'Keyword', INT: 'Int', DATETIME: 'Datetime' };
  const registered = [...compose.matchAll(/--name (\w+) --type (\w+)/g)];
  expect(Object.fromEntries(registered.map(([, name, type]) => [name, type]))).toEqual(
    Object.fromEntries(Object.entries(searchAttributes).map(([name, type]) => [name, types[type]])),
  );
});
