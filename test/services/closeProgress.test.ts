import { describe, expect, test } from 'vitest';
import { findClose, findRunningCloses, reopenClose } from '../../src/db/closes.js';
import { waitingEmails } from '../../src/db/emails.js';
import { closeProgress } from '../../src/domain/closeProgress.js';
import { CloseService } from '../../src/services/closeService.js';
import { ALL, april, february, freshBooks, january, march, noon } from './closing.js';

const books = freshBooks();
const now = noon(february, 2);
const later = (seconds: number) => new Date(now.getTime() + seconds * 1_000);

async function progress(at: Date) {
  const close = await findClose(books.pool, january.id);
  if (close === undefined) throw new Error('the close has not begun');
  return { ...closeProgress(close.counts, at), teams: close.teams, overage: close.overage };
}

/** What became of a team's record. */
const fate = (team: string, status: string, failure: string | null = null) =>
  books.pool.query(
    'update tagih.usage_billings set status = $2, failure = $3 where team_id = $1 and period = $4',
    [team, status, failure, january.id],
  );

/** Three teams with 1, 2 and 3 minor units of overage, and one with none. */
async function teams(): Promise<string[]> {
  const all = [];
  for (const above of [1, 2, 3, 0]) {
    const team = await books.team('pro');
    await books.track(team, 50_000 + above, noon(january, 10));
    all.push(team);
  }
  return all;
}

describe('the progress of a close is told from the ledger', () => {
  test('stage by stage, with what is done of each', async () => {
    const [first = '', second = '', third = ''] = await teams();
    await books.closes.begin(january.id, now);
    expect(await progress(later(1))).toMatchObject({ stage: 'facts', percent: 0, total: 0 });
    await books.closes.seal(january.id, later(10));
    expect(await progress(later(11))).toMatchObject({ stage: 'seal', percent: 1 });
    await books.closes.verify(january.id, later(20));
    expect(await progress(later(21))).toMatchObject({ stage: 'verify', percent: 2 });

    await books.closes.reach(january.id, 'records', later(30));
    await books.closes.writeRecords(january.id, { first, last: first });
    await books.closes.reach(january.id, 'records', later(35));
    expect(await progress(later(40))).toMatchObject({
      stage: 'records',
      done: 1,
      total: 4,
      perSecond: 0.1,
      expectedEnd: null,
    });
    await books.closes.writeRecords(january.id, ALL);
    await books.closes.reach(january.id, 'summaries', later(50));

    await books.closes.beginBilling(january.id, later(60));
    await fate(first, 'pending');
    await fate(second, 'failed', 'resource_missing');
    expect(await progress(later(70))).toMatchObject({
      stage: 'billing',
      done: 2,
      total: 3,
      perSecond: 0.2,
      expectedEnd: later(75),
      overage: 6,
      teams: { total: 4, done: 2, failed: 1 },
    });
    await fate(third, 'billed');
    await books.closes.end(january.id, 'completed', later(80));
    expect(await progress(later(90))).toMatchObject({
      stage: null,
      percent: 100,
      teams: { total: 4, done: 3, failed: 1 },
    });
  });

  test('a close that runs anew begins anew, and a run that has begun is not set back by who asked for it', async () => {
    await teams();
    await books.close(january, now);
    const ended = await findClose(books.pool, january.id);
    await reopenClose(books.pool, january.id, later(5), ended?.finishedAt ?? null);
    expect(await progress(later(6))).toMatchObject({ stage: null, percent: 0 });
    await books.closes.begin(january.id, later(7));
    await books.closes.seal(january.id, later(8));
    await reopenClose(books.pool, january.id, later(9), null);
    expect(await progress(later(9))).toMatchObject({ stage: 'seal' });
  });

  test('of all closes that run, the oldest month first', async () => {
    for (const month of [march, february, april]) await books.closes.begin(month.id, now);
    await books.closes.end(april.id, 'failed', now);
    const running = await findRunningCloses(books.pool);
    expect(running.map(({ period }) => period)).toEqual([february.id, march.id]);
  });
});

describe('records that have failed are billed again with the next run (R32)', () => {
  test('and no other: what is billed stays billed, what somebody took back stays so', async () => {
    const [first = '', second = '', third = ''] = await teams();
    await books.close(january, now);
    await fate(first, 'pending');
    await fate(second, 'failed', 'resource_missing');
    await fate(third, 'failed', 'item_deleted_at_stripe');
    await books.closes.begin(january.id, later(5));
    await books.closes.beginBilling(january.id, later(6));
    const pages = await books.closes.pagesToBill(january.id, '');
    expect(pages).toEqual([{ first: second, last: second }]);
    expect(await progress(later(7))).toMatchObject({ done: 0, total: 1, teams: { failed: 1 } });
  });
});

describe('the report of a close to operations', () => {
  const reporting = () => new CloseService(books.pool, 'Asia/Jakarta', 0, true);
  const reports = async () =>
    (await waitingEmails(books.pool, 100)).filter(({ kind }) => kind === 'close-report');

  test('R36: is written once for each run that has ended, whatever is repeated', async () => {
    await teams();
    await books.closes.begin(january.id, now);
    await reporting().end(january.id, 'failed', later(65), 'the totals differ');
    await reporting().end(january.id, 'failed', later(66), 'the totals differ');
    await books.closes.begin(january.id, later(100));
    await books.closes.begin(january.id, later(100));
    await reporting().end(january.id, 'completed', later(161));
    expect((await reports()).map(({ teamId, cause }) => [teamId, cause])).toEqual([
      [null, `${january.id}:1`],
      [null, `${january.id}:2`],
    ]);
    expect((await reports()).map(({ details }) => details)).toMatchObject([
      { status: 'failed', failure: 'the totals differ', seconds: 65, teams: 0, amounts: [] },
      { status: 'completed', failure: null, seconds: 61 },
    ]);
  });

  test('has what the records come to, and names twenty of those that failed', async () => {
    const [first = '', second = '', third = ''] = await teams();
    const more = await Promise.all(Array.from({ length: 20 }, () => books.team('free')));
    await books.close(january, now);
    await fate(first, 'pending');
    await fate(second, 'billed');
    for (const team of [third, ...more]) await fate(team, 'failed', 'resource_missing');
    await books.closes.begin(january.id, now);
    await reporting().end(january.id, 'completed', later(5));
    const [{ details } = { details: undefined }] = await reports();
    expect(details).toMatchObject({
      teams: 24,
      tokens: 200_006,
      records: { pending: 1, billed: 1, nothing_due: 1, failed: 21 },
      amounts: [{ currency: 'idr', overage: 6, due: 6, failed: 3 }],
      moreFailures: 1,
    });
    const { failures } = details as { failures: { teamId: string; failure: string }[] };
    expect(failures).toEqual(
      [third, ...more]
        .toSorted()
        .slice(0, 20)
        .map((teamId) => ({ teamId, status: 'failed', failure: 'resource_missing' })),
    );
  });

  test('is written only where operations are to be told', async () => {
    await books.close(january, now);
    expect(await reports()).toEqual([]);
  });
});
