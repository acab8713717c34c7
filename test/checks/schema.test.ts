import pg from 'pg';
import { expect, test } from 'vitest';
import { migrate } from '../../src/db/migrate.js';
import { createDatabase } from '../support/database.js';
import { dumpSchema } from '../support/dumpSchema.js';

test('src/db/schema.sql is what the migrations make, and they can be run again', async () => {
  const database = await createDatabase();
  try {
    await Promise.all([migrate(database.url), migrate(database.url)]);
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const schema = await dumpSchema(client);
    await client.end();
    // After a new migration: `npx vitest run test/checks/schema.test.ts -u`, then read the difference.
    await expect(schema).toMatchFileSnapshot('../../src/db/schema.sql');
  } finally {
    await database.drop();
  }
});
