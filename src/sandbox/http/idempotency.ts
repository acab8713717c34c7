import { createHash } from 'node:crypto';
import type { Store } from '../store.js';
import type { Answer } from './answer.js';
import { invalid, StripeFailure } from './error.js';

/** Stripe forgets keys once they are at least this old. */
const LIFE_MS = 24 * 3600 * 1000;

/**
 * Idempotency keys: the first answer under a key is the answer to all later requests under it, errors of
 * 500 included. https://docs.stripe.com/api/idempotent_requests
 */
export class IdempotencyKeys {
  private readonly inProgress = new Set<string>();

  constructor(private readonly store: Store) {
    store.database.exec(
      `create table if not exists idempotency_keys (
         key text primary key, path text not null, fingerprint text not null, at integer not null, answer text not null)`,
    );
  }

  /** The answer stored under this key, if any. Throws when the key is in use for something else. */
  replay(key: string, path: string, body: string): Answer | undefined {
    if (this.inProgress.has(key))
      throw new StripeFailure(
        409,
        'idempotency_error',
        'There is currently another in-progress request using this Idempotency Key (that probably means you submitted twice, and the other request is still going through).',
        { code: 'idempotency_key_in_use' },
      );
    const row = this.store
      .prepare('select path, fingerprint, answer from idempotency_keys where key = ? and at > ?')
      .get(key, Date.now() - LIFE_MS);
    if (!row) return undefined;
    const other =
      row.path !== path
        ? `for the same endpoint they were first used for ('${row.path}')`
        : 'with the same parameters they were first used with';
    if (row.path !== path || row.fingerprint !== fingerprint(body))
      throw new StripeFailure(
        400,
        'idempotency_error',
        `Keys for idempotent requests can only be used ${other}. Try using a key other than '${key}' if you meant to execute a different request.`,
      );
    const answer: Answer = JSON.parse(String(row.answer));
    return { ...answer, headers: { ...answer.headers, 'idempotent-replayed': 'true' } };
  }

  keep(key: string, path: string, body: string, answer: Answer): void {
    this.store
      .prepare(
        'insert or replace into idempotency_keys (key, path, fingerprint, at, answer) values (?, ?, ?, ?, ?)',
      )
      .run(key, path, fingerprint(body), Date.now(), JSON.stringify(answer));
  }

  /** Marks a key as taken by a request that has not been answered; the result frees it. */
  hold(key: string): () => void {
    if (key.length > 255) throw invalid('Idempotency keys can be at most 255 characters.');
    this.inProgress.add(key);
    return () => this.inProgress.delete(key);
  }

  forgetAll(): void {
    this.store.database.exec('delete from idempotency_keys');
  }
}

function fingerprint(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}
