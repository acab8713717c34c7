import { describe, expect, test, vi } from 'vitest';
import { environment, readSettings, SettingsError } from '../../src/config.js';

/** Everything that has no default. */
const complete = {
  DATABASE_URL: 'postgres://tagih:hunter2@db.example/tagih',
  TEMPORAL_ADDRESS: 'temporal.example:7233',
  STRIPE_SECRET_KEY: 'sk_test_hunter2',
  STRIPE_WEBHOOK_SECRET: 'whsec_hunter2',
  NEXT_PUBLIC_STRIPE_PRO_PRICE_ID: 'price_pro',
  NEXT_PUBLIC_STRIPE_ENTERPRISE_PRICE_ID: 'price_enterprise',
  POSTMARK_SERVER_TOKEN: 'hunter2',
  EMAIL_FROM: 'billing@tagih.example',
  LINK_SECRET: 'hunter2',
};

function messageFor(given: Record<string, string>): string {
  try {
    readSettings(given);
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  throw new Error('these settings were taken');
}

/** The settings that a message names, one a line. */
const named = (message: string) =>
  message
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(' ')[0]);

test('what has a default may be left out', () => {
  expect(readSettings(complete)).toMatchObject({
    PORT: 3000,
    HOST: '127.0.0.1',
    TEMPORAL_NAMESPACE: 'default',
    TEMPORAL_TASK_QUEUE: 'tagih',
    BILLING_TIME_ZONE: 'Asia/Jakarta',
    DUNNING_INTERVALS: [3 * 86_400_000, 5 * 86_400_000],
    DUNNING_RETRIES: 'tagih',
    CONFIRMATION_WINDOW: 23 * 3_600_000,
    CLOSE_GRACE: 6 * 3_600_000,
    LOG_LEVEL: 'info',
  });
});

test('all that is missing is named in one message', () => {
  expect(named(messageFor({})).toSorted()).toEqual(Object.keys(complete).toSorted());
  expect(messageFor({})).toContain('DATABASE_URL is missing');
});

test('a variable that is empty counts as absent', () => {
  vi.stubEnv('DATABASE_URL', '');
  vi.stubEnv('TAGIH_API_KEY', 'hunter2');
  expect(environment()).toMatchObject({ TAGIH_API_KEY: 'hunter2' });
  expect(environment()).not.toHaveProperty('DATABASE_URL');
  vi.unstubAllEnvs();
});

test('all that is malformed is named in the same message, and no value is in it', () => {
  const { EMAIL_FROM: _, ...rest } = complete;
  const faults = {
    PORT: 'hunter2',
    DATABASE_URL: 'mysql://hunter2@db.example',
    TEMPORAL_ADDRESS: 'https://hunter2',
    STRIPE_SECRET_KEY: 'pk_hunter2',
    STRIPE_WEBHOOK_SECRET: 'whsec_hunter2,,',
    STRIPE_API_BASE: 'hunter2',
    NEXT_PUBLIC_STRIPE_PRO_PRICE_ID: 'prod_hunter2',
    TAGIH_API_KEY: 'hunter2',
    BILLING_TIME_ZONE: 'Asia/hunter2',
    ATTACH_STATEMENT: 'hunter2',
    DUNNING_INTERVALS: '3d',
    CONFIRMATION_WINDOW: 'hunter2',
    CLOSE_GRACE: '21d',
    LOG_LEVEL: 'hunter2',
  };
  const message = messageFor({ ...rest, ...faults });
  expect(named(message).toSorted()).toEqual([...Object.keys(faults), 'EMAIL_FROM'].toSorted());
  expect(message).toContain('EMAIL_FROM is missing');
  expect(message).toContain('PORT must be a port');
  expect(message).not.toContain('hunter2');
});

describe('a duration', () => {
  test.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['15m', 900_000],
    ['6h', 21_600_000],
    ['20d', 1_728_000_000],
    ['0s', 0],
  ])('%s is %i ms', (CLOSE_GRACE, ms) => {
    expect(readSettings({ ...complete, CLOSE_GRACE }).CLOSE_GRACE).toBe(ms);
  });

  test.each(['6', '6 h', '-6h', '1.5h', '6w', 'h'])('is not %j', (CLOSE_GRACE) => {
    expect(messageFor({ ...complete, CLOSE_GRACE })).toContain('CLOSE_GRACE must be');
  });

  test('stands twice, once for each interval', () => {
    const { DUNNING_INTERVALS } = readSettings({ ...complete, DUNNING_INTERVALS: '10s,20s' });
    expect(DUNNING_INTERVALS).toEqual([10_000, 20_000]);
    for (const wrong of ['1d', '1d,2d,3d', '1d;2d']) {
      expect(messageFor({ ...complete, DUNNING_INTERVALS: wrong })).toContain('DUNNING_INTERVALS');
    }
  });
});

test('failed payments are retried by us, or by Stripe, and by nobody else', () => {
  const retries = (DUNNING_RETRIES: string) => ({ ...complete, DUNNING_RETRIES });
  expect(readSettings(retries('stripe')).DUNNING_RETRIES).toBe('stripe');
  expect(messageFor(retries('both'))).toContain('DUNNING_RETRIES must be tagih or stripe');
});

test('a statement goes with a summary where that is asked for', () => {
  const attaches = (more: object) => readSettings({ ...complete, ...more }).ATTACH_STATEMENT;
  expect(attaches({})).toBe(false);
  expect(attaches({ ATTACH_STATEMENT: 'false' })).toBe(false);
  expect(attaches({ ATTACH_STATEMENT: 'true' })).toBe(true);
});

test('several secrets hold at once, while one is being changed', () => {
  const { STRIPE_WEBHOOK_SECRET, LINK_SECRET } = readSettings({
    ...complete,
    STRIPE_WEBHOOK_SECRET: 'whsec_new, whsec_old',
    LINK_SECRET: 'new,old',
  });
  expect({ STRIPE_WEBHOOK_SECRET, LINK_SECRET }).toEqual({
    STRIPE_WEBHOOK_SECRET: ['whsec_new', 'whsec_old'],
    LINK_SECRET: ['new', 'old'],
  });
});

test('usage is grouped by up to five metadata keys, by each once', () => {
  const keysOf = (USAGE_GROUP_KEYS: string) =>
    readSettings({ ...complete, USAGE_GROUP_KEYS }).USAGE_GROUP_KEYS;
  expect(readSettings(complete).USAGE_GROUP_KEYS).toEqual(['model']);
  expect(keysOf('model, region')).toEqual(['model', 'region']);
  expect(keysOf('model,region,model')).toEqual(['model', 'region']);
  for (const wrong of ['a b', 'model,', 'a,b,c,d,e,f']) {
    expect(messageFor({ ...complete, USAGE_GROUP_KEYS: wrong })).toContain('USAGE_GROUP_KEYS must');
  }
});

test('a certificate without its key is refused, rather than nothing encrypted', () => {
  const half = { ...complete, TEMPORAL_TLS_CERT: '/etc/tagih/temporal.crt' };
  expect(messageFor(half)).toContain('TEMPORAL_TLS_KEY');
});

test('one setting can be asked for without the others', () => {
  const { DATABASE_URL } = complete;
  expect(readSettings({ DATABASE_URL }, ['DATABASE_URL'])).toEqual({ DATABASE_URL });
});
