import type { Queryable } from './pool.js';

export const scopes = ['usage:write', 'teams:read', 'teams:write', 'operate'] as const;

export type Scope = (typeof scopes)[number];

export interface ApiKey {
  id: string;
  name: string;
  scopes: Scope[];
  /** The one team that the key is bound to; null: every team. */
  teamId: string | null;
}

const columns = 'id, name, scopes, team_id as "teamId"';

export async function insertApiKey(db: Queryable, key: ApiKey, hash: Buffer): Promise<void> {
  await db.query(
    'insert into tagih.api_keys (id, name, key_hash, scopes, team_id) values ($1, $2, $3, $4, $5)',
    [key.id, key.name, hash, key.scopes, key.teamId],
  );
}

/** The key with this hash, unless it was revoked. */
export async function findApiKey(db: Queryable, hash: Buffer): Promise<ApiKey | undefined> {
  const { rows } = await db.query<ApiKey>(
    `select ${columns} from tagih.api_keys where key_hash = $1 and revoked_at is null`,
    [hash],
  );
  return rows[0];
}

export interface ListedApiKey extends ApiKey {
  createdAt: Date;
  revokedAt: Date | null;
}

export async function listApiKeys(db: Queryable): Promise<ListedApiKey[]> {
  const { rows } = await db.query<ListedApiKey>(
    `select ${columns}, created_at as "createdAt", revoked_at as "revokedAt"
       from tagih.api_keys order by created_at`,
  );
  return rows;
}

/** Whether there was such a key; revoking it twice is no error. */
export async function revokeApiKey(db: Queryable, id: string): Promise<boolean> {
  const { rowCount } = await db.query(
    'update tagih.api_keys set revoked_at = coalesce(revoked_at, now()) where id = $1',
    [id],
  );
  return rowCount === 1;
}
