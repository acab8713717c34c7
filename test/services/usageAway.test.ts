import { expect, test } from 'vitest';
import { isUnavailable } from '../../src/db/pool.js';
import { february, freshBooks, noon } from './closing.js';

const books = freshBooks();

const now = noon(february, 3);

const keys = Array.from({ length: 600 }, (_, index) => `k-${index}`);

const usage = (teamId: string, idempotencyKey: string) => ({
  teamId,
  idempotencyKey,
  tokens: 1,
  metadata: {},
});

test('while the ledger gives no answer all who wait are told in the time of one query, and nothing was recorded (R10)', async () => {
  const team = await books.team('pro');
  await books.track(team, 100, now);
  const server = books.server({ query_timeout: 300 });
  const begun = Date.now();
  const refused = await books.holdingTotals(team, () =>
    Promise.allSettled(keys.map((key) => server.trackUsage(usage(team, key), now))),
  );
  expect(Date.now() - begun).toBeLessThan(5_000);
  for (const outcome of refused) {
    expect(outcome.status === 'rejected' && isUnavailable(outcome.reason)).toBe(true);
  }

  // Told again under the same keys, all is recorded, once (R9).
  const again = await Promise.all(keys.map((key) => server.trackUsage(usage(team, key), now)));
  expect(new Set(again.map(({ result }) => result))).toEqual(new Set(['recorded']));
  const { totals } = await books.billing.usage(team, february);
  expect(totals.usedTokens).toBe(100 + keys.length);
});
