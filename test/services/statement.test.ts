import { expect, test } from 'vitest';
import { transaction } from '../../src/db/pool.js';
import { dropUsagePartitions, makeUsagePartitions } from '../../src/db/usagePartitions.js';
import { OverageService } from '../../src/services/overageService.js';
import { statementFile } from '../../src/services/statement.js';
import { createStripe } from '../../src/stripe/client.js';
import { textOf } from '../support/pdf.js';
import { ALL, february, freshBooks, january, march, monthOf, noon } from './closing.js';

const books = freshBooks();

const fileOf = (team: string, { id }: { id: string }) =>
  statementFile(books.pool, 'Asia/Jakarta', team, id);

async function contentOf(team: string, month: { id: string }): Promise<Buffer> {
  const file = await fileOf(team, month);
  if (file === undefined) throw new Error(`${team} has no record of ${month.id}`);
  return file.content;
}

test('R12, R34: late usage and an amount that was carried forward are on the statement of the next month', async () => {
  const team = await books.team('pro');
  await books.track(team, 50_700, noon(january, 10));
  await books.close(january);
  const stripe = createStripe('sk_test_away', 'http://127.0.0.1:1');
  await new OverageService(books.pool, stripe).billPage(january.id, ALL);
  await books.track(team, 300, noon(january, 11), noon(february, 5));
  await books.close(february);

  expect(await fileOf(team, february)).toMatchObject({ name: `statement-${team}-2031-02.pdf` });
  expect(await textOf(await contentOf(team, january))).toContain(
    'Status too small for an invoice of its own: carried to a later record',
  );
  const text = await textOf(await contentOf(team, february));
  expect(text).toContain(
    '2031-02 0 used of 50.000: Rp 0 Rp 0 Usage recorded late, 2031-01 pro at ',
  );
  expect(text).toContain('= Rp 10 less Rp 7 billed before Rp 3 Carried forward, 2031-01 ');
  expect(text).toContain('Rp 7 Total Rp 10 ');
});

test('R33: a statement is the same, to the byte, whatever comes after its record, and past retention', async () => {
  await transaction(books.pool, (db) => makeUsagePartitions(db, monthOf(0).start));
  const team = await books.team('pro');
  await books.track(team, 60_000, noon(january, 10));
  await books.close(january);
  const before = await contentOf(team, january);
  await books.track(team, 9_000, noon(january, 11), noon(february, 5));
  await books.turn(team, {}, { plan: 'enterprise', from: noon(january, 20) });
  await books.close(february);
  await transaction(books.pool, (db) => dropUsagePartitions(db, march.start));
  expect(await contentOf(team, january)).toEqual(before);
});

test('R33: of a record that is not what its inputs make it there is none', async () => {
  const team = await books.team('pro');
  await books.track(team, 60_000, noon(january, 10));
  await books.close(january);
  await books.pool.query('update tagih.usage_billings set amount_due = 9999');
  await expect(fileOf(team, january)).rejects.toThrow(
    `The record of ${team} for 2031-01 does not hold. amountDue, from its inputs: 9999 recorded, 10000 found`,
  );
});

test('of a month without a record there is none', async () => {
  expect(await fileOf(await books.team('pro'), january)).toBeUndefined();
  await expect(fileOf('nobody', january)).rejects.toMatchObject({ name: 'UnknownTeam' });
});
