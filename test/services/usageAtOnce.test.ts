import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type BillingService,
  IdempotencyConflict,
  type Tracked,
} from '../../src/services/billingService.js';
import { type Books, february, january, noon, openBooks } from './closing.js';

const now = noon(february, 3);
const KEYS = 60;
const LIMIT = 500;

/** One telling of an event; `body` tells bodies of one key apart. */
interface Telling {
  team: number;
  key: number;
  body: number;
  server: number;
  /** Each tells one after the other; all tell at once. */
  client: number;
}

const tellings: fc.Arbitrary<Telling[]> = fc.array(
  fc.record({
    team: fc.nat(1),
    key: fc.nat(KEYS - 1),
    body: fc.nat(7).map((chance) => (chance === 0 ? 1 : 0)),
    server: fc.nat(2),
    client: fc.nat(9),
  }),
  { minLength: 150, maxLength: 250 },
);

const tokensOf = ({ key, body }: Telling) => 1 + ((key * 7) % 40) + body;
const monthOf = ({ key }: Telling) => (key % 3 === 0 ? january : february);

async function atOnce(books: Books, told: readonly Telling[]): Promise<void> {
  const teams = [await books.team('free'), await books.team('free')];
  const servers = [books.billing, books.server(), books.server()];
  const tell = (one: Telling): Promise<Tracked | IdempotencyConflict> => {
    const usage = {
      teamId: teams[one.team] ?? '',
      idempotencyKey: `k-${one.key}`,
      tokens: tokensOf(one),
      occurredAt: noon(monthOf(one), 2),
      metadata: {},
    };
    const server = servers[one.server] as BillingService;
    return server.trackUsage(usage, now).catch((error: unknown) => {
      if (error instanceof IdempotencyConflict) return error;
      throw error;
    });
  };
  const clients = Map.groupBy(told, ({ server, client }) => `${server} ${client}`).values();
  const answers = Promise.all(
    [...clients].map(async (queue) => {
      const answered = [];
      for (const one of queue) answered.push({ ...one, answer: await tell(one) });
      return answered;
    }),
  );
  // In the midst of them: what is committed before it is billed in its own month, what comes after it later.
  await books.closes.seal(january.id, now);
  const outcomes = (await answers).flat();

  for (const [team, teamId] of teams.entries()) {
    const own = outcomes.filter((one) => one.team === team);
    const recorded = own.flatMap((one) =>
      one.answer instanceof Error || one.answer.result !== 'recorded'
        ? []
        : [{ ...one, answer: one.answer }],
    );
    for (const [, same] of Map.groupBy(own, ({ key }) => key)) {
      const [first, ...others] = recorded.filter(({ key }) => key === same[0]?.key);
      expect(others).toEqual([]);
      for (const { answer, body } of same) {
        if (body !== first?.body) expect(answer).toBeInstanceOf(IdempotencyConflict);
        else expect(answer).toMatchObject({ billedIn: first.answer.billedIn });
      }
    }
    for (const month of [january, february]) {
      const inMonth = recorded
        .filter((one) => monthOf(one) === month)
        .toSorted((a, b) => a.answer.totals.usedTokens - b.answer.totals.usedTokens);
      let used = 0;
      for (const one of inMonth) {
        used += tokensOf(one);
        expect(one.answer.totals.usedTokens).toBe(used);
      }
      const { totals, days } = await books.billing.usage(teamId, month);
      expect(totals.usedTokens).toBe(used);
      expect(days.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(used);

      const late = inMonth.filter(({ answer }) => answer.billedIn !== month.id);
      const { rows } = await books.pool.query<{ late: number; mails: string[] }>(
        `select (select coalesce(sum(tokens), 0)::int from tagih.usage_late
                  where team_id = $1 and period = $2) as late,
                array(select kind from tagih.emails where team_id = $1 and cause = $2) as mails`,
        [teamId, month.id],
      );
      expect(rows[0]?.late).toBe(late.reduce((sum, one) => sum + tokensOf(one), 0));
      const mails = rows[0]?.mails ?? [];
      expect(mails.includes('usage-100')).toBe(used >= LIMIT);
      if (used < LIMIT) expect(mails.includes('usage-80')).toBe(used >= 0.8 * LIMIT);
      expect(new Set(mails).size).toBe(mails.length);
    }
  }
}

test('usage that comes at once to three servers counts as in some order, one after the other (R9, R10, R14, R38)', async () => {
  await fc.assert(
    fc.asyncProperty(tellings, async (told) => {
      const books = await openBooks();
      try {
        await atOnce(books, told);
      } finally {
        await books.shut();
      }
    }),
    { numRuns: 6, interruptAfterTimeLimit: 20_000 },
  );
});
