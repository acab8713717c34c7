import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { transaction } from '../../src/db/pool.js';
import { forgetUsageKeys } from '../../src/db/usageKeys.js';
import { dropUsagePartitions, makeUsagePartitions } from '../../src/db/usagePartitions.js';
import { IdempotencyConflict, UnacceptableTime } from '../../src/services/billingService.js';
import { ALL, april, february, freshBooks, january, march, noon } from './closing.js';

const books = freshBooks();

/** The months of receipt that have a partition. */
async function partitions(): Promise<string[]> {
  const { rows } = await books.pool.query<{ name: string }>(
    `select inhrelid::regclass::text as name from pg_inherits
      where inhparent = 'tagih.usage_events'::regclass order by 1`,
  );
  return rows.map(({ name }) => name.replace('tagih.usage_events_', '').replace('_', '-'));
}

const usage = (teamId: string, idempotencyKey: string, more: object = {}) => ({
  teamId,
  idempotencyKey,
  tokens: 3,
  metadata: {},
  ...more,
});

const usedBy = async (teamId: string, period = february) =>
  (await books.billing.usage(teamId, period)).totals.usedTokens;

const eventsOf = async (teamId: string) =>
  (await books.pool.query('select from tagih.usage_events where team_id = $1', [teamId])).rowCount;

const drop = (since: Date) => transaction(books.pool, (db) => dropUsagePartitions(db, since));

const firstOf = (month: string) => new Date(`${month}-01T00:00:00Z`);

describe('a key counts once, whichever partitions it is received in (R9)', () => {
  const edge = firstOf('2031-02');
  const at = (ms: number) => new Date(edge.getTime() + ms);

  test('one after the other on both sides of the edge, and months later', async () => {
    const team = await books.team('pro');
    const given = usage(team, 'k', { occurredAt: noon(january, 20) });
    const told = (now: Date) => books.billing.trackUsage(given, now);
    expect(await told(at(-1))).toMatchObject({ result: 'recorded', billedIn: january.id });
    for (const now of [at(-1), at(0), at(1), noon(february, 20), noon(april, 2)]) {
      expect(await told(now)).toMatchObject({ result: 'duplicate', billedIn: january.id });
    }
    const other = { ...given, tokens: 4 };
    for (const now of [at(1), noon(april, 2)]) {
      const conflict = books.billing.trackUsage(other, now);
      await expect(conflict).rejects.toBeInstanceOf(IdempotencyConflict);
    }
    expect(await usedBy(team, january)).toBe(3);
    expect(await eventsOf(team)).toBe(1);
  });

  test('from servers whose commits race on both sides of the edge', async () => {
    const team = await books.team('pro');
    // One each, for a commit is received when the last of its events is told.
    const servers = [-90_000, -1, 0, 90_000].map((offset) => ({
      server: books.server(),
      now: at(offset),
    }));
    const keys = Array.from({ length: 150 }, (_, index) => `k-${index}`);
    const answers = await Promise.all(
      keys.flatMap((key) =>
        servers.map(({ server, now }) => server.trackUsage(usage(team, key), now)),
      ),
    );
    const recorded = answers.filter(({ result }) => result === 'recorded');
    expect(recorded).toHaveLength(keys.length);
    expect(recorded.map(({ totals }) => totals.usedTokens).toSorted((a, b) => a - b)).toEqual(
      keys.map((_, index) => 3 * (index + 1)),
    );
    expect(await usedBy(team)).toBe(3 * keys.length);
    expect(await eventsOf(team)).toBe(keys.length);
  });

  test('also when neither of two commits can see the other', async () => {
    const team = await books.team('pro');
    await books.track(team, 100, at(0));
    const racing = await books.holdingTotals(team, async () => {
      const told = [-1, 1].map((ms) => books.server().trackUsage(usage(team, 'k'), at(ms)));
      await expect.poll(books.waitingForLocks).toBe(2);
      return told;
    });
    const results = (await Promise.all(racing)).map(({ result }) => result);
    expect(results.toSorted()).toEqual(['duplicate', 'recorded']);
    expect(await usedBy(team)).toBe(103);
  });

  test('from two servers at once with other bodies: one stands on either side', async () => {
    const team = await books.team('pro');
    const servers = [books.billing, books.server()];
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        Promise.allSettled(
          servers.map((server, side) =>
            server.trackUsage(
              usage(team, `k-${index}`, { tokens: 1 + side }),
              at(side === 0 ? -1 : 1),
            ),
          ),
        ),
      ),
    );
    for (const pair of outcomes) {
      expect(pair.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
      const refused = pair.find(({ status }) => status === 'rejected');
      expect(refused).toMatchObject({ reason: expect.any(IdempotencyConflict) });
    }
    expect(await eventsOf(team)).toBe(60);
  });
});

describe('partitions are made', () => {
  test('by the first commit of a month, with three ahead, by two servers at once', async () => {
    const team = await books.team('pro');
    expect(await partitions()).toEqual([]);
    await books.track(team, 1, noon(january, 9));
    expect(await partitions()).toEqual(['2031-01', '2031-02', '2031-03', '2031-04']);

    const now = noon(march, 9);
    const servers = [books.server(), books.server()];
    await Promise.all(servers.map((server) => server.trackUsage(usage(team, randomUUID()), now)));
    expect((await partitions()).slice(4)).toEqual(['2031-05', '2031-06']);
  });

  test('while usage is recorded: neither waits for the other', async () => {
    const team = await books.team('pro');
    await books.track(team, 1, noon(january, 9));
    await transaction(books.pool, async (db) => {
      await makeUsagePartitions(db, noon(april, 9));
      await books.track(team, 1, noon(january, 10));
      const other = transaction(books.pool, async (inserting) => {
        await inserting.query(`set local lock_timeout = '5s'`);
        await inserting.query('lock table tagih.usage_events in row exclusive mode');
      });
      await other;
    });
    expect(await usedBy(team, january)).toBe(2);
    expect(await partitions()).toContain('2031-07');
  });
});

describe('partitions are dropped', () => {
  const sealUpTo = async (...months: { id: string; end: Date }[]) => {
    for (const { id, end } of months) {
      await books.closes.seal(id, new Date(end.getTime() + 60_000));
    }
  };

  test('that ended before the given instant, when all periods up to them are sealed', async () => {
    const team = await books.team('pro');
    for (const month of [january, february, march, april]) {
      await books.track(team, 60_000, noon(month, 9));
    }
    const made = await partitions();
    const late = firstOf('2031-12');
    expect(await drop(late)).toEqual([]);
    await sealUpTo(january);
    // In its last hours of UTC usage of February was received: the zone is ahead.
    expect(await drop(late)).toEqual([]);
    await sealUpTo(february);
    expect(await drop(new Date(firstOf('2031-02').getTime() - 1))).toEqual([]);
    expect(await drop(firstOf('2031-02'))).toEqual(['2031-01']);
    expect(await drop(late)).toEqual([]);
    await sealUpTo(march, april);
    expect(await drop(firstOf('2031-04'))).toEqual(['2031-02', '2031-03']);
    expect(await partitions()).toEqual(made.slice(3));
  });

  test('never while an earlier period is open, however old it is', async () => {
    const team = await books.team('pro');
    await books.track(team, 10, noon(january, 9), noon(march, 9));
    await books.track(team, 10, noon(march, 9));
    await sealUpTo(february, march, april);
    expect(await drop(firstOf('2032-01'))).toEqual([]);
    await sealUpTo(january);
    expect((await drop(firstOf('2032-01')))[0]).toBe('2031-03');
  });

  test('and totals, days, groups, records and bills stay as they are', async () => {
    const team = await books.team('pro');
    const metadata = { model: 'large' };
    const track = (idempotencyKey: string, tokens: number, occurredAt: Date, now = occurredAt) =>
      books.billing.trackUsage({ teamId: team, idempotencyKey, tokens, occurredAt, metadata }, now);
    await track('a', 70_000, noon(january, 9));
    await books.close(january);
    await track('b', 5, noon(january, 12), noon(february, 3));
    await track('c', 51_000, noon(february, 4));
    await books.closes.seal(february.id, noon(march, 1));
    await track('d', 1, noon(march, 4));
    const read = () =>
      Promise.all([
        ...[january, february, march].map((month) => books.billing.usage(team, month, 'model')),
        books.records(team),
      ]);
    const before = await read();
    expect(await drop(firstOf('2031-02'))).toEqual(['2031-01']);
    expect(await eventsOf(team)).toBe(3);
    expect(await read()).toEqual(before);

    // What came before and after goes on: late usage, repetitions, and the bill that counts them.
    expect(await track('b', 5, noon(january, 12), noon(march, 5))).toMatchObject({
      result: 'duplicate',
      totals: { usedTokens: 70_005 },
    });
    await track('e', 7, noon(january, 30), noon(march, 5));
    await books.close(february);
    await books.close(march);
    expect(await books.lines(team)).toEqual([
      [january.id, 'overage', january.id, 20_000],
      [february.id, 'overage', february.id, 1_000],
      [february.id, 'late', january.id, 5],
      [march.id, 'late', january.id, 7],
    ]);
  });

  test('and their keys are forgotten after them, no others', async () => {
    const team = await books.team('pro');
    const told = [january, february].map((month) => ({
      given: usage(team, month.id, { occurredAt: noon(month, 9) }),
      at: noon(month, 9),
    }));
    for (const { given, at } of told) await books.billing.trackUsage(given, at);
    await sealUpTo(january, february);
    expect(await drop(firstOf('2031-02'))).toEqual(['2031-01']);

    const now = noon(march, 9);
    const repeated = async () =>
      (await Promise.all(told.map(({ given }) => books.billing.trackUsage(given, now)))).map(
        ({ result }) => result,
      );
    expect(await repeated()).toEqual(['duplicate', 'duplicate']);
    await forgetUsageKeys(books.pool, '2031-01', { first: 'zzz', last: 'zzzz' });
    expect(await repeated()).toEqual(['duplicate', 'duplicate']);
    await forgetUsageKeys(books.pool, '2031-01', ALL);
    const { rows } = await books.pool.query('select idempotency_key as key from tagih.usage_keys');
    expect(rows).toEqual([{ key: february.id }]);

    // By then what says when it occurred is refused for its age.
    const [{ given } = { given: usage(team, '') }] = told;
    const past = noon(february, 10).setUTCFullYear(2032);
    const refused = books.billing.trackUsage(given, new Date(past));
    await expect(refused).rejects.toBeInstanceOf(UnacceptableTime);
  });
});
