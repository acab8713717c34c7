import { existsSync } from 'node:fs';
import { z } from 'zod';

const DAY = 86_400_000;
const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: DAY };

/** `500ms`, `30s`, `6h`, `3d` to milliseconds. */
const duration = z
  .string()
  .regex(/^\d+(ms|s|m|h|d)$/, 'must be a number with ms, s, m, h or d, such as 3d')
  .transform((text) => {
    const [, amount, unit] = /^(\d+)(\w+)$/.exec(text) ?? [];
    return Number(amount) * units[unit as keyof typeof units];
  });

const commaSeparated = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .refine((parts) => parts.every((part) => part !== ''), 'must be a comma-separated list');

const timeZone = z.string().refine((zone) => {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: zone }));
  } catch {
    return false;
  }
}, 'must be an IANA time zone, such as Asia/Jakarta');

const settings = z.object({
  PORT: z.coerce.number('must be a port').int().min(0).max(65_535).default(3000),
  HOST: z.string().default('127.0.0.1'),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// URL' }),
  TEMPORAL_ADDRESS: z.string().regex(/^[^/\s]+:\d+$/, 'must be host:port'),
  TEMPORAL_NAMESPACE: z.string().default('default'),
  TEMPORAL_TASK_QUEUE: z.string().default('tagih'),
  TEMPORAL_API_KEY: z.string().optional(),
  TEMPORAL_TLS_CERT: z.string().optional(),
  TEMPORAL_TLS_KEY: z.string().optional(),
  STRIPE_SECRET_KEY: z.string().regex(/^[sr]k_/, 'must be a secret key of Stripe (sk_… or rk_…)'),
  STRIPE_WEBHOOK_SECRET: commaSeparated,
  STRIPE_API_BASE: z.url().optional(),
  NEXT_PUBLIC_STRIPE_PRO_PRICE_ID: z.string().startsWith('price_', 'must be a price id of Stripe'),
  NEXT_PUBLIC_STRIPE_ENTERPRISE_PRICE_ID: z
    .string()
    .startsWith('price_', 'must be a price id of Stripe'),
  STRIPE_RATE_LIMIT: z.coerce
    .number('must be requests a second')
    .int()
    .min(1)
    .max(10_000)
    .default(25),
  POSTMARK_SERVER_TOKEN: z.string().min(1),
  POSTMARK_API_BASE: z.url().optional(),
  EMAIL_FROM: z.email('must be an e-mail address'),
  OPERATIONS_EMAIL: z.email('must be an e-mail address').optional(),
  TAGIH_API_KEY: z.string().min(20, 'must have at least 20 characters').optional(),
  LINK_SECRET: commaSeparated,
  PUBLIC_URL: z.url().optional(),
  BILLING_TIME_ZONE: timeZone.default('Asia/Jakarta'),
  DUNNING_INTERVALS: z
    .string()
    .default('3d,5d')
    .transform((text) => text.split(','))
    .pipe(z.tuple([duration, duration], 'must be two durations, such as 3d,5d')),
  DUNNING_RETRIES: z.enum(['tagih', 'stripe'], 'must be tagih or stripe').default('tagih'),
  CONFIRMATION_WINDOW: z.string().default('23h').pipe(duration),
  CLOSE_GRACE: z
    .string()
    .default('6h')
    .pipe(duration.refine((grace) => grace <= 20 * DAY, 'must be at most 20d')),
  ATTACH_STATEMENT: z
    .enum(['true', 'false'], 'must be true or false')
    .default('false')
    .transform((text) => text === 'true'),
  RETENTION_MONTHS: z.coerce.number('must be a number of months').int().min(1).max(120).default(13),
  USAGE_GROUP_KEYS: z
    .string()
    .default('model')
    .transform((text) => [...new Set(text.split(',').map((key) => key.trim()))])
    .refine((keys) => keys.every((key) => /^[A-Za-z0-9_.-]{1,40}$/.test(key)), {
      error: 'must be a comma-separated list of metadata keys',
    })
    .refine((keys) => keys.length <= 5, 'must have at most 5 keys'),
  DATA_DIR: z.string().default('.tagih'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

/** The names of all settings. */
export const settingNames: readonly string[] = Object.keys(settings.shape);

/** The product's settings under the names of their variables; durations in milliseconds. */
export type Settings = z.infer<typeof settings>;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Names every missing or malformed setting, never a value: it may be a secret. */
export class SettingsError extends Error {
  override name = 'SettingsError';
}

/**
 * The environment of this process, with what `.env` adds to it. An empty variable is how shells and
 * compose files spell an absent one.
 */
export function environment(): Record<string, string> {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const entries = Object.entries(process.env);
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => !!entry[1]));
}

/** The settings named, all by default. Throws a `SettingsError` that names all that is wrong. */
export function readSettings(env: Environment): Settings;
export function readSettings<K extends keyof Settings>(
  env: Environment,
  names: readonly K[],
): Pick<Settings, K>;
export function readSettings(env: Environment, names?: readonly (keyof Settings)[]) {
  const { shape } = settings;
  const wanted = names?.map((name) => [name, shape[name]] as const) ?? Object.entries(shape);
  const schema = z
    .object(Object.fromEntries(wanted))
    // Half a pair would be left aside, and Temporal talked to without encryption.
    .refine(({ TEMPORAL_TLS_CERT: cert, TEMPORAL_TLS_KEY: key }) => !cert === !key, {
      path: ['TEMPORAL_TLS_KEY'],
      error: 'must be given with TEMPORAL_TLS_CERT, or neither',
      when: () => true,
    });
  const parsed = schema.safeParse(env);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(({ path, message, code }) => {
    const name = String(path[0]);
    const missing = code === 'invalid_type' && env[name] === undefined;
    return `  ${name} ${missing ? 'is missing' : message}`;
  });
  throw new SettingsError(`Settings are missing or malformed:\n${[...new Set(lines)].join('\n')}`);
}
