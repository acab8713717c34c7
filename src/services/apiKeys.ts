import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { type ApiKey, findApiKey, insertApiKey, type Scope, scopes } from '../db/apiKeys.js';
import type { Pool } from '../db/pool.js';

const hash = (key: string) => createHash('sha256').update(key).digest();

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

/** Finds the key that a caller shows: the bootstrap key of the settings, or a row that is not revoked. */
export class Authenticator {
  private readonly bootstrapHash: Buffer | undefined;

  constructor(
    private readonly pool: Pool,
    bootstrapKey: string | undefined,
  ) {
    this.bootstrapHash = bootstrapKey === undefined ? undefined : hash(bootstrapKey);
  }

  async authenticate(key: string): Promise<ApiKey | undefined> {
    const shown = hash(key);
    if (this.bootstrapHash && timingSafeEqual(shown, this.bootstrapHash)) {
      const all: Scope[] = [...scopes];
      return { id: 'bootstrap', name: 'TAGIH_API_KEY', scopes: all, teamId: null };
    }
    return findApiKey(this.pool, shown);
  }
}
