import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';

/** Brings the schema `tagih` up to date; safe to run at any time and from several processes at once. */
export async function migrate(databaseUrl: string): Promise<void> {
  await runner({
    databaseUrl,
    dir: fileURLToPath(new URL('migrations', import.meta.url)),
    direction: 'up',
    schema: 'tagih',
    createSchema: true,
    migrationsTable: 'migrations',
    // Two processes that start at once must not both fail: the second waits for the first.
    advisoryLockMode: 'wait',
    log: () => {},
  });
}
