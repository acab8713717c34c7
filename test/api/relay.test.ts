import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { claimFacts, enqueue } from '../../src/db/outbox.js';
import { createPool, type Pool } from '../../src/db/pool.js';
import { countWaiting } from '../../src/db/waiting.js';
import { type Deliver, Relay } from '../../src/outbox/relay.js';
import { createDatabase, type Database } from '../support/database.js';
import { eventOf, listed, metric, postEvent, teamTold } from '../support/events.js';
import { type Product, startProduct } from '../support/product.js';
import { freeTeam } from '../support/stories.js';
import { startWire } from '../support/wire.js';

const deliver = (product: Product, event: object) => postEvent(product, JSON.stringify(event));
const eventOfTeam = (teamId: string) => eventOf({ metadata: { team_id: teamId } });
describe('while Temporal is away', () => {
  let wire: Awaited<ReturnType<typeof startWire>>;
  let database: Database;
  let product: Product;
  beforeAll(async () => {
    const { hostname, port } = new URL(`tcp://${inject('temporalAddress')}`);
    [wire, database] = await Promise.all([startWire(hostname, Number(port)), createDatabase()]);
    await wire.cut();
    const away = { TEMPORAL_ADDRESS: `${wire.host}:${wire.port}` };
    product = await startProduct(away, { worker: false, database });
  });
  afterAll(async () => {
    await product?.close();
    await wire?.cut();
    await database?.drop();
  });

  test('teams, usage and webhooks are served, what waits is shown, and it arrives in the end', async () => {
    const teamId = await freeTeam(product);
    const event = eventOfTeam(teamId);
    expect((await deliver(product, event)).status).toBe(200);
    const usage = { teamId, idempotencyKey: 'k', tokens: 5 };
    expect((await product.api('POST', '/api/v1/usage', usage)).body.usedTokens).toBe(5);

    expect(await listed(product, 'waiting')).toMatchObject([{ id: event.id, teamId }]);
    expect(await listed(product, 'delivered')).toEqual([]);
    expect(await metric(product, 'tagih_outbox_facts')).toBe(1);
    expect(await metric(product, 'tagih_outbox_oldest_seconds')).toBeGreaterThan(0);
    const { status, body } = await product.api('GET', '/readyz');
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { checks: { postgres: 'up', temporal: 'down' } },
    });

    await wire.mend();
    expect(await teamTold(product, event.id)).toBe(teamId);
    expect(await listed(product, 'waiting')).toEqual([]);
    expect(await metric(product, 'tagih_outbox_facts')).toBe(0);
    expect((await product.api('GET', '/readyz')).body).toEqual({
      checks: { postgres: 'up', temporal: 'up', relay: 'up' },
    });
  });

  test('an act of an operator is refused, and nothing is done', async () => {
    await wire.cut();
    const teamId = await freeTeam(product);
    const act = { actor: 'ops@tagih.example', reason: 'asked by phone' };
    const path = `/api/v1/teams/${teamId}/actions/resync`;
    const { status, headers, body } = await product.api('POST', path, act);
    expect({ status, code: body.code }).toEqual({ status: 503, code: 'temporal_unavailable' });
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await product.api('GET', `/api/v1/teams/${teamId}/timeline`)).body.items).toEqual([]);
  });
});

test('two servers on one ledger deliver everything, each fact once', async () => {
  const database = await createDatabase();
  const one = await startProduct({}, { worker: false, database });
  const same = { TEMPORAL_NAMESPACE: one.settings.TEMPORAL_NAMESPACE };
  const two = await startProduct(same, { worker: false, database });
  try {
    const teams = await Promise.all(Array.from({ length: 10 }, () => freeTeam(one)));
    const events = teams.flatMap((teamId) => Array.from({ length: 4 }, () => eventOfTeam(teamId)));
    const answers = await Promise.all(
      events.map((event, index) => deliver(index % 2 === 0 ? one : two, event)),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(40).fill(200));
    await vi.waitFor(async () => expect(await listed(one, 'waiting')).toEqual([]));
    expect(await listed(one, 'delivered')).toHaveLength(40);
    const told = await Promise.all(teams.map((id) => factsTold(one, `subscription:${id}`)));
    expect(told).toEqual(Array(10).fill(4));
  } finally {
    await Promise.all([one.close(), two.close()]);
    await database.drop();
  }
});

async function factsTold({ temporal }: Product, workflowId: string): Promise<number> {
  const { events } = await temporal.workflow.getHandle(workflowId).fetchHistory();
  return (events ?? [])
    .map((event) => event.workflowExecutionSignaledEventAttributes?.input?.payloads?.length ?? 0)
    .reduce((sum, facts) => sum + facts, 0);
}

describe('the relay', () => {
  let database: Database;
  let pool: Pool;
  const relays: Relay[] = [];
  beforeAll(async () => {
    database = await createDatabase();
    pool = createPool(database.url, () => {});
  });
  afterEach(() => Promise.all(relays.splice(0).map((relay) => relay.close())));
  afterAll(async () => {
    await pool?.end();
    await database?.drop();
  });

  const put = (workflowId: string, id: string) =>
    enqueue(pool, workflowId, {
      kind: 'hint',
      id,
      type: 'invoice.paid',
      object: null,
      at: new Date().toISOString(),
    });

  function run(deliver: Deliver): Relay {
    const relay = new Relay(pool, database.url, deliver, pino({ level: 'silent' }));
    relay.start();
    relays.push(relay);
    return relay;
  }

  test('keeps no team waiting for one that Temporal hangs on, however much comes for that', async () => {
    const told: string[] = [];
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    run(async (workflowId, facts) => {
      if (workflowId === 'subscription:stuck') await answered;
      told.push(...facts.map(({ id }) => id));
    });
    for (let number = 0; number < 30; number += 1) {
      await put('subscription:stuck', `stuck-${number}`);
      await put('subscription:well', `well-${number}`);
    }
    await vi.waitFor(() => expect(told).toHaveLength(30));
    expect(told.every((id) => id.startsWith('well'))).toBe(true);
    answer();
    await vi.waitFor(() => expect(told).toHaveLength(60));
  });

  test('looks further than the facts of one team that come first, however many they are', async () => {
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const told: string[] = [];
    await put('subscription:late', 'first');
    await pool.query(
      `insert into tagih.outbox (workflow_id, fact)
       select 'subscription:hot', fact || jsonb_build_object('id', 'hot-' || n)
         from tagih.outbox, generate_series(1, 1000) n`,
    );
    await pool.query(`delete from tagih.outbox where workflow_id = 'subscription:late'`);
    await put('subscription:late', 'late');
    run(async (workflowId, facts) => {
      if (workflowId === 'subscription:hot') await answered;
      told.push(...facts.map(({ id }) => id));
    });
    await vi.waitFor(() => expect(told).toEqual(['late']));
    answer();
    await vi.waitFor(() => expect(told).toHaveLength(1_001));
  });

  test('tries a team again that it could not tell, goes on with the others, and says how it is', async () => {
    const told: string[] = [];
    let failures = 1;
    const relay = run(async (workflowId, facts) => {
      if (workflowId === 'subscription:refused' && failures-- > 0) throw new Error('refused');
      told.push(...facts.map(({ id }) => id));
    });
    await put('subscription:refused', 'first');
    await vi.waitFor(() => expect(relay.isUp).toBe(false));
    await put('subscription:well', 'second');
    await vi.waitFor(() => expect(told).toEqual(['second', 'first']), { timeout: 5_000 });
    await vi.waitFor(() => expect(relay.isUp).toBe(true));
  });

  test('that can deliver nothing leaves it to one that can', async () => {
    run(async () => {
      throw new Error('Temporal can not be reached from here');
    });
    await put('subscription:shared', 'shared');
    await vi.waitFor(async () => expect((await countWaiting(pool)).workflowsFailing).toBe(1));
    const told: string[] = [];
    run(async (_, facts) => void told.push(...facts.map(({ id }) => id)));
    await vi.waitFor(() => expect(told).toEqual(['shared']), { timeout: 5_000 });
  });

  test('takes over what another one held that died', async () => {
    await put('subscription:held', 'held');
    const dead = await claimFacts(pool, 20, 0.3, []);
    expect([...dead.keys()]).toEqual(['subscription:held']);
    const told: string[] = [];
    run(async (_, facts) => void told.push(...facts.map(({ id }) => id)));
    await vi.waitFor(() => expect(told).toEqual(['held']), { timeout: 5_000 });
  });
});
