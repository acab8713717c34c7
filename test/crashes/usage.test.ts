import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { migrate } from '../../src/db/migrate.js';
import { startNode } from '../../src/dev/node.js';
import { choosePorts } from '../../src/dev/ports.js';
import { startPostgres } from '../../src/dev/postgres.js';
import { isAlive, type Running } from '../../src/dev/processes.js';
import { temporaryFolder } from '../start/temporaryFolder.js';
import { createNamespace } from '../support/namespace.js';
import { settingsOfNobody } from '../support/settings.js';

// Seven starts after crashes, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const KEY = 'tagih_test_key_with_every_scope';
const CONNECTIONS = 64;
const TEAMS = Array.from({ length: 8 }, (_, index) => `team-${index}`);
/** Acknowledgements between a start and the next crash: so many that commits are under way at any time. */
const ENOUGH = 250;

const folder = temporaryFolder();
let ports: { postgres: number; server: number };
let env: Record<string, string>;
let postgres: Awaited<ReturnType<typeof launchPostgres>>;
let server: Running;

beforeAll(async () => {
  const first = 30_000 + (process.pid % 2_000);
  ports = await choosePorts({ postgres: first, server: first + 1 });
  postgres = await launchPostgres();
  await migrate(postgres.url);
  const { PATH = '' } = process.env;
  env = {
    PATH,
    PORT: String(ports.server),
    DATABASE_URL: postgres.url,
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    TEMPORAL_NAMESPACE: await createNamespace(),
    ...settingsOfNobody,
    TAGIH_API_KEY: KEY,
    LOG_LEVEL: 'fatal',
  };
  server = await launchServer();
});
afterAll(async () => {
  await server?.stop();
  await postgres?.stop();
});

const launchPostgres = () =>
  startPostgres({
    dataDir: join(folder, 'postgres'),
    port: ports.postgres,
    password: 'test',
    durable: true,
    logFile: join(folder, 'postgres.log'),
  });

const launchServer = () =>
  startNode({ name: 'server', script: 'server.ts', env, logFile: join(folder, 'server.log') });

async function kill({ pid, exited }: Running): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await exited;
}

async function crashServer(): Promise<void> {
  await kill(server);
  server = await launchServer();
}

async function crashPostgres(): Promise<void> {
  const command = `pgrep -P ${postgres.pid}`;
  const list = execFileSync('/bin/sh', ['-c', command], { encoding: 'utf8' });
  await kill(postgres);
  // Nobody may start on the data while one of them still writes to it.
  const children = list.trim().split('\n').map(Number);
  await expect.poll(() => children.filter(isAlive), { interval: 10 }).toEqual([]);
  postgres = await launchPostgres();
}

const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
afterAll(() => agent.destroy());

async function send(method: string, path: string, body: object) {
  const sent = request({
    agent,
    method,
    port: ports.server,
    path,
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
  });
  // Told by the wait for the response; what breaks after it, by that response.
  sent.on('error', () => {});
  sent.end(JSON.stringify(body));
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: Number(response.statusCode), body: JSON.parse(text) };
}

interface Acknowledged {
  team: string;
  key: string;
  tokens: number;
  result: string;
  usedTokens: number;
  /** When its request was sent and its answer came, in the order of all that was sent and came. */
  sent: number;
  came: number;
}

/** Clients that send the same event until it is acknowledged, and then the next. */
function startLoad() {
  const acknowledged: Acknowledged[] = [];
  let moment = 0;
  let going = true;
  let serving = Promise.resolve();

  async function untilAcknowledged(team: string, key: string, tokens: number): Promise<void> {
    for (;;) {
      // Whoever was refused waits until all is up again, rather than keep the processor from it.
      await serving;
      moment += 1;
      const sent = moment;
      const event = { teamId: team, idempotencyKey: key, tokens };
      const answer = await send('POST', '/api/v1/usage', event).catch(() => undefined);
      if (answer?.status !== 200) {
        if (answer !== undefined) expect(answer.status).toBe(503);
        continue;
      }
      moment += 1;
      const { result, usedTokens } = answer.body;
      acknowledged.push({ team, key, tokens, result, usedTokens, sent, came: moment });
      return;
    }
  }

  const clients = Array.from({ length: CONNECTIONS }, async (_, client) => {
    for (let number = 0; going; number += 1) {
      const team = TEAMS[(client + number) % TEAMS.length] ?? '';
      const key = `${client}-${number}`;
      const tokens = 5 + ((client * 7 + number) % 5);
      await untilAcknowledged(team, key, tokens);
      if (number % 10 === 0) await untilAcknowledged(team, key, tokens);
    }
  });

  return {
    acknowledged,
    async more(): Promise<void> {
      const enough = acknowledged.length + ENOUGH;
      await vi.waitUntil(() => acknowledged.length >= enough, { interval: 5, timeout: 30_000 });
    },
    async during(crash: () => Promise<void>): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      serving = promise;
      await crash();
      resolve();
    },
    async end(): Promise<void> {
      going = false;
      await Promise.all(clients);
    },
  };
}

test('killed in the midst of load, server and Postgres lose nothing, count nothing twice, and no total goes down (R9, R10)', async () => {
  for (const team of TEAMS) {
    const body = { name: 'Acme', adminEmail: `${team}@acme.example` };
    expect((await send('PUT', `/api/v1/teams/${team}`, body)).status).toBe(201);
  }
  const load = startLoad();
  for (const crash of [
    crashServer,
    crashPostgres,
    crashServer,
    crashPostgres,
    crashServer,
    crashPostgres,
    crashServer,
  ]) {
    await load.more();
    await load.during(crash);
  }
  await load.more();
  await load.end();

  const { acknowledged } = load;
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  const eventsOf = async () =>
    (
      await client.query<{ name: string }>(
        `select concat_ws(' ', team_id, idempotency_key, tokens) as name from tagih.usage_events`,
      )
    ).rows.map(({ name }) => name);
  const sums = async (table: string, amount: string) =>
    new Map(
      (
        await client.query<{ team: string; tokens: number }>(
          `select team_id as team, sum(${amount})::int as tokens from tagih.${table} group by 1`,
        )
      ).rows.map(({ team, tokens }) => [team, tokens]),
    );
  try {
    const told = new Map(acknowledged.map((one) => [`${one.team} ${one.key}`, one]));
    const names = [...told.values()].map(({ team, key, tokens }) => `${team} ${key} ${tokens}`);
    expect((await eventsOf()).toSorted()).toEqual(names.toSorted());

    const expected = new Map<string, number>();
    for (const { team, tokens } of told.values()) {
      expected.set(team, (expected.get(team) ?? 0) + tokens);
    }
    expect(await sums('usage_totals', 'used_tokens')).toEqual(expected);
    expect(await sums('usage_totals', '(select sum(tokens) from unnest(days) as tokens)')).toEqual(
      expected,
    );
    // R14: over both thresholds, each was told of at most once.
    const { rows } = await client.query<{ kinds: string[] }>(
      'select array_agg(kind order by kind desc) as kinds from tagih.emails group by team_id',
    );
    expect(rows).toHaveLength(TEAMS.length);
    for (const { kinds } of rows)
      expect([['usage-80', 'usage-100'], ['usage-100']]).toContainEqual(kinds);
  } finally {
    await client.end();
  }
  for (const team of TEAMS) totalNeverGoesDown(acknowledged.filter((one) => one.team === team));
});

/** Who asks after an answer has come is never told less than it said. */
function totalNeverGoesDown(answers: readonly Acknowledged[]): void {
  const arrivals = answers.toSorted((a, b) => a.came - b.came).values();
  let arrival = arrivals.next().value;
  let most = 0;
  for (const { sent, usedTokens } of answers.toSorted((a, b) => a.sent - b.sent)) {
    for (; arrival !== undefined && arrival.came < sent; arrival = arrivals.next().value) {
      most = Math.max(most, arrival.usedTokens);
    }
    expect(usedTokens).toBeGreaterThanOrEqual(most);
  }
  expect(most).toBeGreaterThan(0);
}
