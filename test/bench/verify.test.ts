import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { verify } from '../../bench/usage/verify.js';
import { createPool, type Pool } from '../../src/db/pool.js';
import { makeUsagePartitions } from '../../src/db/usagePartitions.js';
import { createDatabase, type Database } from '../support/database.js';

let database: Database;
let ledger: Pool;
beforeAll(async () => {
  database = await createDatabase();
  const options = '-c search_path=tagih';
  ledger = createPool(database.url, () => {}, { max: 2, options });
  await makeUsagePartitions(ledger, new Date());
  await ledger.query(`insert into teams (id, name, admin_email) values ('acme', 'Acme', 'a@b.c')`);
});
afterAll(async () => {
  await ledger.end();
  await database.drop();
});

/** Ten events of one token each, and their total. */
beforeEach(async () => {
  await ledger.query(
    `truncate usage_events, usage_totals;
     insert into usage_events (team_id, idempotency_key, tokens, occurred_at, metadata, period,
       billed_in, received_at)
     select 'acme', key, 1, now(), '{}', '2026-11', '2026-11', now() from generate_series(1, 10) key;
     insert into usage_totals (team_id, period, used_tokens) values ('acme', '2026-11', 10)`,
  );
});

const answers = (of: { acknowledged?: number; inFlight?: number; highest?: number }) => ({
  acknowledged: of.acknowledged ?? 8,
  inFlight: of.inFlight ?? 2,
  highest: [['acme', of.highest ?? 10]] as [string, number][],
});

test('a benchmark accepts a ledger that holds what was answered and what was under way', async () => {
  await verify(ledger, 0, answers({}));
});

test('a benchmark fails when an acknowledged event is not on disk (R10)', async () => {
  await expect(verify(ledger, 0, answers({ acknowledged: 11 }))).rejects.toThrow('10 new events');
  await expect(verify(ledger, 3, answers({}))).rejects.toThrow('7 new events');
});

test('a benchmark fails when an event is on disk twice (R9)', async () => {
  await expect(verify(ledger, 0, answers({ inFlight: 1 }))).rejects.toThrow('10 new events');
});

test('a benchmark fails when a total is not the sum of its events', async () => {
  await ledger.query('update usage_totals set used_tokens = 11');
  await expect(verify(ledger, 0, answers({}))).rejects.toThrow('not the sum');
  await ledger.query('delete from usage_totals');
  await expect(verify(ledger, 0, answers({ highest: 0 }))).rejects.toThrow('not the sum');
});

test('a benchmark fails when an answer showed more than is on disk', async () => {
  await expect(verify(ledger, 0, answers({ highest: 11 }))).rejects.toThrow('showed more');
});
