import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { transaction } from '../../src/db/pool.js';
import { seal } from '../../src/db/seals.js';
import type { Period } from '../../src/domain/period.js';
import type { BillingService, Tracked } from '../../src/services/billingService.js';
import { ALL, february, freshBooks, january, march, monthOf, noon } from './closing.js';

const books = freshBooks();

const december = monthOf(0);

interface Told {
  team: string;
  period: string;
  tokens: number;
  key: string;
  /** The month whose bill it is on, as it was answered. */
  billedIn: string;
}

const sum = (events: readonly Told[]) => events.reduce((total, { tokens }) => total + tokens, 0);

/** Posts late events through a server, one after the other, until told to end and one was late. */
async function post(
  billing: BillingService,
  going: () => boolean,
  next: (turn: number) => { team: string; month: Period; tokens: number },
  now: Date,
): Promise<Told[]> {
  const told: Told[] = [];
  for (let turn = 0; going() || told.at(-1)?.billedIn !== february.id; turn += 1) {
    const { team, month, tokens } = next(turn);
    const key = randomUUID();
    const { billedIn } =
      tokens < 0
        ? await billing.correctUsage(
            { teamId: team, idempotencyKey: key, tokens, period: month, actor: 'a', reason: 'b' },
            now,
          )
        : await billing.trackUsage(
            {
              teamId: team,
              idempotencyKey: key,
              tokens,
              occurredAt: noon(month, 5),
              metadata: {},
            },
            now,
          );
    told.push({ team, period: month.id, tokens, key, billedIn });
  }
  return told;
}

/** Each team's records hold what was answered: before the seal in its own, afterwards as late lines. */
async function agree(teams: readonly string[], told: readonly Told[]): Promise<void> {
  const { rows } = await books.pool.query<{ key: string; billedIn: string }>(
    'select idempotency_key as key, billed_in as "billedIn" from tagih.usage_events',
  );
  const stored = new Map(rows.map(({ key, billedIn }) => [key, billedIn]));
  expect(stored.size).toBe(told.length);
  for (const { key, billedIn } of told) expect(stored.get(key)).toBe(billedIn);

  for (const team of teams) {
    const own = told.filter((event) => event.team === team && event.period === january.id);
    const late = own.filter(({ billedIn }) => billedIn === february.id);
    const records = await books.records(team);
    const [record, next] = [january, february].map(({ id }) =>
      records.find(({ period }) => period === id),
    );
    expect(record?.usedTokens).toBe(sum(own) - sum(late));
    const { totals } = await books.billing.usage(team, january);
    expect(totals.usedTokens).toBe(sum(own));
    // At a rupiah's minor unit for each token above the limit, which all of them are.
    const lines = next?.lines.filter(({ period }) => period === january.id) ?? [];
    expect(lines.map(({ kind, amount }) => [kind, amount])).toEqual([['late', sum(late)]]);
  }
}

describe('a seal and a commit of its period exclude each other (R38)', () => {
  const now = noon(february, 1);

  test('a commit that saw none is waited for, so that the record holds it', async () => {
    const team = await books.team('pro');
    await books.track(team, 60_000, noon(january, 1));
    const [early, sealing] = await books.holdingTotals(team, async () => {
      const commit = books.track(team, 7, noon(january, 2), now);
      await expect.poll(books.waitingForLocks).toBe(1);
      const seal = books.closes.seal(january.id, now);
      await expect.poll(books.waitingForLocks).toBe(2);
      return [commit, seal] as const;
    });
    expect((await early).billedIn).toBe(january.id);
    for (const page of await sealing) await books.closes.writeRecords(january.id, page);
    expect(await books.records(team)).toMatchObject([{ usedTokens: 60_007 }]);
  });

  test('a commit that comes while it is set waits for it, and is late', async () => {
    const team = await books.team('pro');
    const late = await transaction(books.pool, async (db) => {
      await seal(db, january.id, now);
      const commit = [books.track(team, 7, noon(january, 2), now)];
      await expect.poll(books.waitingForLocks).toBe(1);
      return commit;
    });
    expect(await Promise.all(late)).toMatchObject([{ billedIn: february.id }]);
  });
});

describe('a seal divides what two servers commit throughout it (R38)', () => {
  test('records and late lines hold each event once, on the side that it was answered', async () => {
    const now = noon(february, 1);
    const teams = await Promise.all(Array.from({ length: 3 }, () => books.team('pro')));
    const before: Told[] = [];
    for (const team of teams) {
      const key = 'first';
      const occurredAt = noon(january, 1);
      const usage = { teamId: team, tokens: 90_000, occurredAt, metadata: {} };
      const { billedIn } = await books.billing.trackUsage(
        { ...usage, idempotencyKey: `${key} ${team}` },
        occurredAt,
      );
      const period = january.id;
      before.push({ team, period, tokens: 90_000, key: `${key} ${team}`, billedIn });
    }

    let going = true;
    const servers = [books.server(), books.server()];
    const clients = servers.flatMap((server, one) =>
      [0, 1, 2].map((client) =>
        post(
          server,
          () => going,
          (turn) => ({
            team: teams[(turn + client + one) % 3] ?? '',
            month: january,
            // Now and then a correction; each side of the seal stays above the limit.
            tokens: turn % 7 === 3 ? -2 : 1 + ((turn + client) % 5),
          }),
          now,
        ),
      ),
    );
    const committed = async () =>
      (await books.pool.query('select from tagih.usage_events')).rowCount ?? 0;
    await expect.poll(committed, { interval: 5 }).toBeGreaterThan(60);
    const pages = await books.closes.seal(january.id, now);
    const sealed = await committed();
    for (const page of pages) await books.closes.writeRecords(january.id, page);
    await expect.poll(committed, { interval: 5 }).toBeGreaterThan(sealed + 60);
    going = false;
    const told = [...before, ...(await Promise.all(clients)).flat()];
    expect(told.filter(({ billedIn }) => billedIn === january.id).length).toBeGreaterThan(60);
    await books.close(february);
    await agree(teams, told);
  });

  test('also two seals at once, while commits hold events of both months', async () => {
    const now = noon(february, 1);
    const team = await books.team('pro');
    const track = (tokens: number, month: Period) => books.track(team, tokens, noon(month, 1));
    await track(80_000, december);
    await track(80_000, january);
    let going = true;
    const clients = [books.server(), books.server()].flatMap((server) =>
      [december, january, december, january].map((first, client) =>
        post(
          server,
          () => going,
          (turn) => {
            const other = first === december ? january : december;
            return { team, month: turn % 2 === 0 ? first : other, tokens: 1 + client };
          },
          now,
        ),
      ),
    );
    await Promise.all([books.closes.seal(january.id, now), books.closes.seal(december.id, now)]);
    await books.closes.writeRecords(january.id, ALL);
    going = false;
    const told = (await Promise.all(clients)).flat();
    await books.close(february);

    for (const { id } of [december, january]) {
      const own = told.filter(({ period }) => period === id);
      const late = own.filter(({ billedIn }) => billedIn !== id);
      const records = await books.records(team);
      const record = records.find(({ period }) => period === id);
      expect(record?.usedTokens).toBe(80_000 + sum(own) - sum(late));
      const lines = records
        .flatMap((one) => one.lines)
        .filter(({ kind, period }) => kind === 'late' && period === id);
      expect(lines.reduce((total, { amount }) => total + amount, 0)).toBe(sum(late));
    }
  });

  test('a repetition tells the side on which the first fell, whenever it comes', async () => {
    const now = noon(february, 1);
    const team = await books.team('pro');
    const servers = [books.server(), books.server()];
    const keys = Array.from({ length: 300 }, (_, index) => `k-${index}`);
    const tell = (server: BillingService, at: Date): Promise<Tracked[]> =>
      Promise.all(
        keys.map((idempotencyKey) =>
          server.trackUsage(
            { teamId: team, idempotencyKey, tokens: 1, occurredAt: noon(january, 9), metadata: {} },
            at,
          ),
        ),
      );
    const [[one, two]] = await Promise.all([
      Promise.all(servers.map((server) => tell(server, now))),
      books.closes.seal(january.id, now),
    ]);
    const again = await tell(books.billing, noon(march, 1));
    for (const [index] of keys.entries()) {
      const answers = [one?.[index], two?.[index], again[index]];
      expect(new Set(answers.map((answer) => answer?.billedIn)).size).toBe(1);
      expect(answers.filter((answer) => answer?.result === 'recorded')).toHaveLength(1);
    }
    const { rows } = await books.pool.query(
      `select coalesce(sum(tokens), 0)::int as tokens from tagih.usage_late where team_id = $1`,
      [team],
    );
    const late = again.filter(({ billedIn }) => billedIn === february.id);
    expect(rows).toEqual([{ tokens: late.length }]);
  });
});
