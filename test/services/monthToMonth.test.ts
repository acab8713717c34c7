import { describe, expect, test } from 'vitest';
import { OverageService } from '../../src/services/overageService.js';
import { createStripe } from '../../src/stripe/client.js';
import { ALL, april, february, freshBooks, january, march, monthOf, noon } from './closing.js';

const books = freshBooks();

/** Carries forward what is due: without a customer nothing is asked of Stripe. */
const carryForward = ({ id }: { id: string }) =>
  new OverageService(books.pool, createStripe('sk_test_away', 'http://127.0.0.1:1')).billPage(
    id,
    ALL,
  );

describe('what comes after the seal (R12)', () => {
  test('is billed in the month in which it came, once, over several closes', async () => {
    const team = await books.team('pro');
    await books.track(team, 60_000, noon(january, 10));
    await books.close(january);
    const first = await books.track(team, 500, noon(january, 11), noon(february, 5));
    expect(first).toMatchObject({ billedIn: february.id, totals: { usedTokens: 60_500 } });
    await books.track(team, 50_001, noon(february, 6));
    await books.close(february);
    await books.track(team, 30, noon(january, 12), noon(march, 5));
    await books.track(team, 4, noon(february, 12), noon(march, 5));
    await books.close(march);
    await books.close(april);

    expect(await books.lines(team)).toEqual([
      [january.id, 'overage', january.id, 10_000],
      [february.id, 'overage', february.id, 1],
      [february.id, 'late', january.id, 500],
      [march.id, 'late', january.id, 30],
      [march.id, 'late', february.id, 4],
    ]);
  });

  test('changes no record, however often any month is closed again (R32, R33)', async () => {
    const team = await books.team('pro');
    await books.track(team, 60_000, noon(january, 10));
    await books.close(january);
    const [before] = await books.records(team);
    await books.track(team, 900, noon(january, 11), noon(february, 5));
    await books.turn(team, {}, { plan: 'enterprise', from: noon(january, 20) });
    await books.close(january, noon(february, 6));
    await books.close(february);
    await books.close(february);
    await books.close(january, noon(march, 6));

    const records = await books.records(team);
    expect(records.map(({ period }) => period)).toEqual([january.id, february.id]);
    expect(records[0]).toEqual(before);
  });

  test('a larger plan heard of too late gives back what it included (R4)', async () => {
    const team = await books.team('pro');
    await books.track(team, 80_000, noon(january, 10));
    await books.close(january);
    const to = noon(january, 21);
    await books.turn(team, {}, { plan: 'enterprise', from: noon(january, 20), to });
    await books.close(february);
    await books.close(march);

    expect(await books.lines(team)).toEqual([
      [january.id, 'overage', january.id, 30_000],
      [february.id, 'late', january.id, -30_000],
    ]);
  });

  test('is rated from what was counted at the close, whatever the total has become (R33)', async () => {
    const team = await books.team('pro');
    await books.track(team, 60_000, noon(january, 10));
    await books.close(january);
    await books.pool.query('update tagih.usage_totals set used_tokens = used_tokens + 1000000');
    await books.track(team, 1, noon(january, 11), noon(february, 5));
    await books.close(february);
    expect(await books.lines(team)).toEqual([
      [january.id, 'overage', january.id, 10_000],
      [february.id, 'late', january.id, 1],
    ]);
  });

  test('is an input of the record that bills it, and of none after it (R33)', async () => {
    const team = await books.team('pro');
    // Long before its records, by the clock that they are dated by.
    await books.pool.query("update tagih.plan_periods set noted_at = now() - interval '1 day'");
    await books.track(team, 60_000, noon(january, 10));
    await books.close(january);
    await books.track(team, 500, noon(january, 11), noon(february, 5));
    for (const month of [february, march]) await books.close(month);
    const { rows } = await books.pool.query(
      `select period, jsonb_path_query_array(inputs::jsonb, '$.earlier[*].period') as earlier
         from tagih.usage_billings order by period`,
    );
    expect(rows).toEqual([
      { period: january.id, earlier: [] },
      { period: february.id, earlier: [january.id] },
      { period: march.id, earlier: [] },
    ]);
  });

  test('of a team that was not there is billed all the same', async () => {
    await books.close(january);
    const team = await books.team('pro');
    await books.pool.query('update tagih.teams set created_at = $1', [noon(february, 3)]);
    await books.track(team, 50_100, noon(january, 20), noon(february, 4));
    await books.close(february);
    await books.close(january, noon(march, 1));
    await books.close(march);
    expect(await books.lines(team)).toEqual([[february.id, 'late', january.id, 100]]);
  });

  test('lands in no month that is closed after a later one', async () => {
    const team = await books.team('pro');
    await books.track(team, 60_000, noon(january, 10));
    await books.close(january);
    await books.track(team, 500, noon(january, 11), noon(march, 2));
    await books.close(march);
    await books.track(team, 50_020, noon(february, 11), noon(april, 2));
    await books.close(february, noon(april, 3));
    await books.close(april);

    expect(await books.lines(team)).toEqual([
      [january.id, 'overage', january.id, 10_000],
      [february.id, 'overage', february.id, 20],
      [march.id, 'late', january.id, 500],
    ]);
  });
});

describe('two months closed at once', () => {
  const sealBoth = async () => {
    const now = noon(march, 2);
    await books.closes.seal(january.id, now);
    await books.closes.seal(february.id, now);
  };

  test.each([
    ['the earlier first', [january, february]],
    ['the later first', [february, january]],
    ['both together', [january, february, february, january]],
  ])('%s: what is due is billed once (R12)', async (order, months) => {
    const teams = await Promise.all([1, 2, 3].map(() => books.team('pro')));
    for (const team of teams) {
      await books.track(team, 60_000, noon(january, 10));
      await books.track(team, 50_007, noon(february, 10));
    }
    await sealBoth();
    const writing = months.map(
      ({ id }) =>
        () =>
          books.closes.writeRecords(id, ALL),
    );
    if (order === 'both together') await Promise.all(writing.map((write) => write()));
    else for (const write of writing) await write();

    for (const team of teams) {
      expect(await books.lines(team)).toEqual([
        [january.id, 'overage', january.id, 10_000],
        [february.id, 'overage', february.id, 7],
      ]);
    }
  });

  test('what came late and what was carried forward is taken by one of them (R12, R34)', async () => {
    const team = await books.team('pro');
    const december = monthOf(0);
    await books.track(team, 50_700, noon(december, 10));
    await books.close(december);
    await carryForward(december);
    await books.track(team, 55, noon(december, 11), noon(january, 5));
    await sealBoth();
    await Promise.all([february, january].map(({ id }) => books.closes.writeRecords(id, ALL)));

    expect(await books.lines(team)).toEqual([
      [december.id, 'overage', december.id, 700],
      [january.id, 'late', december.id, 55],
      [january.id, 'carried', december.id, 700],
    ]);
  });

  test('the earlier is sealed while the later is written: a late line is on one of them (R12)', async () => {
    const team = await books.team('pro');
    const december = monthOf(0);
    await books.track(team, 50_700, noon(december, 10));
    await books.close(december);
    await books.track(team, 55, noon(december, 11), noon(january, 5));
    const waiting = async (count: number) =>
      expect
        .poll(async () => {
          const { rowCount } = await books.pool.query(
            `select from pg_stat_activity
              where datname = current_database() and wait_event_type = 'Lock'`,
          );
          return rowCount;
        })
        .toBe(count);

    await books.closes.seal(february.id, noon(march, 2));
    const brake = await books.pool.connect();
    await brake.query('begin; lock table tagih.usage_billing_lines in share mode');
    const later = books.closes.writeRecords(february.id, ALL);
    await waiting(1);
    await books.closes.seal(january.id, noon(march, 2));
    const earlier = books.closes.writeRecords(january.id, ALL);
    await waiting(2);
    await brake.query('rollback');
    brake.release();
    await Promise.all([later, earlier]);
    expect(await books.lines(team)).toEqual([
      [december.id, 'overage', december.id, 700],
      [february.id, 'late', december.id, 55],
    ]);
  });
});

test('small amounts are carried from month to month, each once (R34)', async () => {
  const team = await books.team('pro');
  for (const [month, tokens] of [
    [january, 50_700],
    [february, 50_020],
    [march, 50_003],
  ] as const) {
    await books.track(team, tokens, noon(month, 10));
    await books.close(month);
    await books.close(month);
    await carryForward(month);
  }
  await carryForward(january);
  const carried = (await books.lines(team)).filter(([, kind]) => kind === 'carried');
  expect(carried).toEqual([
    [february.id, 'carried', january.id, 700],
    [march.id, 'carried', february.id, 720],
  ]);
  const records = await books.records(team);
  expect(records.map(({ amountDue, status }) => [amountDue, status])).toEqual([
    [700, 'carried_forward'],
    [720, 'carried_forward'],
    [723, 'carried_forward'],
  ]);
});
