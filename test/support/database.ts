import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

export interface Database {
  url: string;
  drop(): Promise<void>;
}

/** A migrated database of one's own, cloned from the template. */
export async function createDatabase(): Promise<Database> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  // Its files are copied: by default they go through the log as well, page by page.
  await administer(`create database ${name} template tagih_template strategy file_copy`);
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  const drop = `drop database ${name}`;
  // At first without force, which waits for connections that are just being closed: cut off, they would
  // report an error that nobody listens for any more.
  return {
    url: url.href,
    drop: () => administer(drop).catch(() => administer(`${drop} with (force)`)),
  };
}

async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
