import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import { describe, expect, onTestFinished, test } from 'vitest';
import { migrate } from '../../src/db/migrate.js';
import { createPool, transaction } from '../../src/db/pool.js';
import { usageByDay } from '../../src/db/usageBreakdown.js';
import { dropUsagePartitions } from '../../src/db/usagePartitions.js';
import { UsageRecorder } from '../../src/services/usageRecorder.js';
import { createDatabase } from '../support/database.js';

describe('an installation with usage is brought up to date', () => {
  /** A ledger as it was before usage had partitions. */
  async function ledgerBefore() {
    const database = await createDatabase();
    const pool = createPool(database.url, () => {});
    await pool.query('drop schema tagih cascade');
    await runner({
      databaseUrl: database.url,
      dir: fileURLToPath(new URL('../../src/db/migrations', import.meta.url)),
      direction: 'up',
      count: 6,
      schema: 'tagih',
      createSchema: true,
      migrationsTable: 'migrations',
      log: () => {},
    });
    onTestFinished(async () => {
      await pool.end();
      await database.drop();
    });
    return { url: database.url, pool };
  }

  test('each event is still there, and a repetition is a duplicate (R9)', async () => {
    const ledger = await ledgerBefore();
    const receivedAt = new Date();
    const old = new Date(receivedAt.getTime() - 200 * 86_400_000);
    const stated = new Date(receivedAt.getTime() - 1_000);
    await ledger.pool.query(
      `insert into tagih.teams (id, name, admin_email) values ('acme', 'Acme', 'a@acme.example')`,
    );
    const event = `insert into tagih.usage_events values ('acme', $1, 5, $2, $3, '{"model":"x"}', $4, $4, $2)`;
    const period = receivedAt.toISOString().slice(0, 7);
    await ledger.pool.query(event, ['old', old, null, old.toISOString().slice(0, 7)]);
    await ledger.pool.query(event, ['now', receivedAt, null, period]);
    await ledger.pool.query(event, ['stated', receivedAt, stated, period]);
    await ledger.pool.query(`insert into tagih.usage_totals values ('acme', $1, 10)`, [period]);
    const days = [
      { day: `${period}-02`, tokens: 3 },
      { day: `${period}-17`, tokens: 7 },
    ];
    for (const { day, tokens } of [...days, { day: '2020-02-29', tokens: 1 }]) {
      await ledger.pool.query(`insert into tagih.usage_days values ('acme', $1, $2)`, [
        day,
        tokens,
      ]);
    }
    const events = async () =>
      (
        await ledger.pool.query(
          `select team_id, idempotency_key, tokens, occurred_at, stated_at, metadata, period,
                  billed_in, received_at
             from tagih.usage_events order by idempotency_key`,
        )
      ).rows;
    const before = await events();
    await migrate(ledger.url);
    await migrate(ledger.url);
    expect(await events()).toEqual(before);
    expect(await usageByDay(ledger.pool, 'acme', period)).toEqual(days);

    const recorder = new UsageRecorder(ledger.pool, 'UTC', ['model']);
    const acme = { teamId: 'acme', tokens: 5, metadata: { model: 'x' } };
    const told = (idempotencyKey: string, more: object = {}, at = receivedAt) =>
      recorder.record({ ...acme, idempotencyKey, ...more }, at);
    const nextMonth = new Date(receivedAt.getTime() + 40 * 86_400_000);
    expect(await told('old')).toMatchObject({ result: 'duplicate' });
    expect(await told('stated', { occurredAt: stated })).toMatchObject({ result: 'duplicate' });
    expect(await told('stated')).toEqual({ result: 'conflict' });
    expect(await told('now', { tokens: 6 })).toEqual({ result: 'conflict' });
    expect(await told('new')).toMatchObject({
      result: 'recorded',
      own: { usage: { usedTokens: 15 } },
    });
    expect(await told('now', {}, nextMonth)).toMatchObject({ result: 'duplicate' });
    expect(await events()).toHaveLength(4);

    // The partition that holds what was there goes like any other.
    await ledger.pool.query('update tagih.usage_totals set period = $1', ['2020-01']);
    await ledger.pool.query(`insert into tagih.seals values ('2020-01', now())`);
    const since = new Date(Date.UTC(receivedAt.getUTCFullYear(), receivedAt.getUTCMonth() + 1));
    expect(await transaction(ledger.pool, (db) => dropUsagePartitions(db, since))).toHaveLength(1);
    expect(await events()).toEqual([]);
  });

  test('one without usage has partitions from its first event on', async () => {
    const ledger = await ledgerBefore();
    await migrate(ledger.url);
    const { rowCount } = await ledger.pool.query(
      `select from pg_inherits where inhparent = 'tagih.usage_events'::regclass`,
    );
    expect(rowCount).toBe(0);
  });
});
