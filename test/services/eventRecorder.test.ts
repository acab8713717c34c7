import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool, type Pool } from '../../src/db/pool.js';
import type { StripeEvent } from '../../src/db/stripeEvents.js';
import { EventRecorder } from '../../src/services/eventRecorder.js';
import { createDatabase, type Database } from '../support/database.js';

let database: Database;
let pool: Pool;
let heard = 0;
let events: EventRecorder;
beforeAll(async () => {
  database = await createDatabase();
  pool = createPool(database.url, () => {}, { max: 2 });
  events = new EventRecorder(pool, () => {
    heard += 1;
  });
  await pool.query(
    `insert into tagih.teams (id, name, admin_email, stripe_customer_id)
     select 'team-' || n, 'Acme', 'a@b.c', 'cus_' || n from generate_series(1, 20) n`,
  );
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

const eventOf = (of: Partial<StripeEvent>): StripeEvent => ({
  id: `evt_${randomUUID()}`,
  type: 'invoice.paid',
  apiVersion: null,
  objectId: 'in_1',
  teamHint: null,
  customerId: null,
  ignored: false,
  createdAt: new Date('2026-11-24T01:02:03Z'),
  ...of,
});

/** Events as they are on disk, each with its facts, and the transactions that wrote both. */
async function stored(given: readonly StripeEvent[]) {
  const { rows } = await pool.query<{
    id: string;
    team: string | null;
    commit: string;
    told: { workflow: string; commit: string }[];
  }>(
    `select e.id, e.team_id as team, e.xmin::text as commit,
            coalesce((select json_agg(json_build_object('workflow', workflow_id, 'commit', o.xmin::text))
               from tagih.outbox o where o.fact->>'id' = e.id), '[]') as told
       from tagih.stripe_events e where e.id = any($1)`,
    [given.map(({ id }) => id)],
  );
  return rows;
}

test('events that come together share commits, each in one with its fact (R15)', async () => {
  const given = Array.from({ length: 200 }, (_, n) =>
    eventOf({ customerId: `cus_${1 + (n % 20)}` }),
  );
  const results = await Promise.all(given.map((event) => events.accept(event)));
  expect(results).toEqual(Array(200).fill('accepted'));
  const rows = await stored(given);
  expect(rows).toHaveLength(200);
  for (const { team, commit, told } of rows) {
    expect(told).toEqual([{ workflow: `subscription:${team}`, commit }]);
  }
  expect(new Set(rows.map(({ commit }) => commit)).size).toBeLessThan(5);
  expect(heard).toBeGreaterThan(0);
});

test('each of a commit gets its own answer, and a fact only where somebody is to be told', async () => {
  const known = eventOf({ teamHint: 'team-1', customerId: 'cus_2' });
  const stranger = eventOf({ teamHint: 'nobody', customerId: 'cus_3' });
  const ignored = eventOf({ customerId: 'cus_1', ignored: true });
  const parked = eventOf({ customerId: 'cus_of_nobody' });
  const dispute = eventOf({ type: 'charge.dispute.created' });
  const given = [known, stranger, ignored, parked, dispute];
  const accept = () => Promise.all([...given, known].map((event) => events.accept(event)));
  expect(await accept()).toEqual([
    ...['accepted', 'accepted', 'ignored', 'parked', 'parked', 'duplicate'],
  ]);
  expect(await accept()).toEqual(Array(6).fill('duplicate'));
  const told = new Map(
    (await stored(given)).map(({ id, told }) => [id, told.map(({ workflow }) => workflow)]),
  );
  expect(given.map(({ id }) => told.get(id))).toEqual([
    ['subscription:team-1'],
    ['subscription:team-3'],
    [],
    [],
    [`stripe-event:${dispute.id}`],
  ]);
});

test('the fact of an event names what is to be read, and repeats nothing of it (R16, R21)', async () => {
  const event = eventOf({ teamHint: 'team-4', customerId: 'cus_4' });
  await events.accept(event);
  const { rows } = await pool.query(`select fact from tagih.outbox where fact->>'id' = $1`, [
    event.id,
  ]);
  const at = '2026-11-24T01:02:03.000Z';
  const { id } = event;
  const n = expect.any(Number);
  expect(rows).toEqual([
    { fact: { kind: 'hint', id, type: 'invoice.paid', object: 'in_1', at, n } },
  ]);
});

test('names may hold any character but NUL', async () => {
  const teamHint = 'a\x1fb\n"\\{},null\u{1f9fe}';
  const event = eventOf({ teamHint });
  expect(await events.accept(event)).toBe('parked');
  const { rows } = await pool.query('select team_hint from tagih.stripe_events where id = $1', [
    event.id,
  ]);
  expect(rows).toEqual([{ team_hint: teamHint }]);
});

test('an event that can not be stored fails alone', async () => {
  const given = Array.from({ length: 7 }, () => eventOf({ customerId: 'cus_5' }));
  const bad = eventOf({ customerId: 'cus_5', type: '\0' });
  const all = [...given.slice(0, 3), bad, ...given.slice(3)];
  const settled = await Promise.allSettled(all.map((event) => events.accept(event)));
  expect(settled.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  expect(settled[3]?.status).toBe('rejected');
  expect(await stored(given)).toHaveLength(7);
  expect(await events.accept(given[0] ?? bad)).toBe('duplicate');
});
