import { hash as digest, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { type ApiKey, findApiKey, insertApiKey, type Scope, scopes } from '../db/apiKeys.js';
import type { Pool } from '../db/pool.js';

const hash = (key: string): Buffer => digest('sha256', key, 'buffer');

/** Makes a key; it is shown this once, and only its hash is kept. */
export async function createApiKey(
  pool: Pool,
  wanted: Pick<ApiKey, 'name' | 'scopes' | 'teamId'>,
): Promise<ApiKey & { key: string }> {
  const key = `tagih_${randomBytes(32).toString('base64url')}`;
  const created = { id: `key_${randomUUID()}`, ...wanted };
  await insertApiKey(pool, created, hash(key));
  return { ...created, key };
}

/** How long a key that was found is taken to be good: a revocation bites within 5 s. */
const TRUSTED_MS = 4_000;

interface Trusted {
  key: ApiKey;
  until: number;
}

/**
 * Finds the key that a caller shows: the bootstrap key of the settings, or a row that is not revoked.
 * Remembers what it found for some seconds, and of keys that it did not find nothing.
 */
export class Authenticator {
  private readonly bootstrapHash: Buffer | undefined;
  /** By hash. No more than there are keys. */
  private readonly trusted = new Map<string, Trusted>();

  constructor(
    private readonly pool: Pool,
    bootstrapKey: string | undefined,
  ) {
    this.bootstrapHash = bootstrapKey === undefined ? undefined : hash(bootstrapKey);
  }

  async authenticate(shownKey: string): Promise<ApiKey | undefined> {
    const shown = hash(shownKey);
    if (this.bootstrapHash && timingSafeEqual(shown, this.bootstrapHash)) {
      const all: Scope[] = [...scopes];
      return { id: 'bootstrap', name: 'TAGIH_API_KEY', scopes: all, teamId: null };
    }
    const name = shown.toString('base64');
    const known = this.trusted.get(name);
    // Counted from before the question: the answer may be as old.
    const now = Date.now();
    if (known !== undefined && now < known.until) return known.key;
    const key = await findApiKey(this.pool, shown);
    if (key === undefined) this.trusted.delete(name);
    else this.trusted.set(name, { key, until: now + TRUSTED_MS });
    return key;
  }
}
