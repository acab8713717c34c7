import { describe, expect, test } from 'vitest';
import { readSeals } from '../../src/db/billingInputs.js';
import { findClose } from '../../src/db/closes.js';
import { parsePeriod, periodAt } from '../../src/domain/period.js';
import { EventRecorder } from '../../src/services/eventRecorder.js';
import { ALL, april, february, freshBooks, january, march, monthOf, noon } from './closing.js';

const books = freshBooks();

describe('the seal (R38)', () => {
  test('divides what is committed while it comes: records and late lines hold each event once', async () => {
    const team = await books.team('pro');
    const now = noon(february, 1);
    await books.track(team, 50_000, noon(january, 1));
    let sealing = true;
    const commitAll = async () => {
      const billedIn: string[] = [];
      while (sealing || billedIn.at(-1) !== february.id) {
        billedIn.push((await books.track(team, 1, noon(january, 5), now)).billedIn);
      }
      return billedIn;
    };
    const connections = Promise.all([commitAll(), commitAll()]);
    await books.track(team, 1, noon(january, 6), now);
    const pages = await books.closes.seal(january.id, now);
    for (const page of pages) await books.closes.writeRecords(january.id, page);
    sealing = false;
    const events = ['before', ...(await connections).flat()];
    await books.close(february);

    const late = events.filter((billedIn) => billedIn === february.id).length;
    expect(await books.lines(team)).toEqual([
      [january.id, 'overage', january.id, events.length - late],
      [february.id, 'late', january.id, late],
    ]);
  });

  test('comes a minute after the end at the earliest, and once', async () => {
    const { end, id } = january;
    const at = (ms: number) => new Date(end.getTime() + ms);
    await expect(books.closes.seal(id, at(59_999))).rejects.toMatchObject({ name: 'PeriodOpen' });
    await expect(books.closes.seal(april.id, at(60_000))).rejects.toThrow('has not begun');
    await books.closes.seal(id, at(60_000));
    await books.close(january, at(90_000));
    const team = await books.team('free');
    await books.close(january, at(100_000));
    expect(await books.records(team)).toMatchObject([{ watermark: at(60_000) }]);
  });

  test('is dated by when it was made: a worker may come to it long after it was asked to', async () => {
    const period = parsePeriod('2020-01', 'Asia/Jakarta');
    const asked = new Date('2020-02-01T00:00:00Z');
    const { rows } = await books.pool.query<{ now: Date }>('select clock_timestamp() as now');
    await books.closes.seal(period?.id ?? '', asked);
    const [seal] = await readSeals(books.pool, '2020-01');
    expect(seal?.sealedAt.getTime()).toBeGreaterThanOrEqual(rows[0]?.now.getTime() ?? Infinity);
  });

  test('is missed by no event of an ended month that nobody has closed', async () => {
    const team = await books.team('pro');
    const { billedIn } = await books.track(team, 50_009, noon(january, 31), noon(march, 3));
    expect(billedIn).toBe(january.id);
    await books.close(january, noon(march, 4));
    expect(await books.lines(team)).toEqual([[january.id, 'overage', january.id, 9]]);
  });
});

describe('which months a close closes', () => {
  test('its own, and those before it that have usage or a team and are not closed, the oldest first (R12, R39)', async () => {
    const closedWith = (month: { id: string }) => books.closes.monthsToClose(month.id);
    const team = await books.team('pro');
    await books.pool.query('update tagih.teams set created_at = $1', [noon(march, 20)]);
    // The plan is older than Tagih: that alone asks for no close.
    expect(await closedWith(march)).toEqual([march.id]);
    expect(await closedWith(monthOf(5))).toEqual([march.id, april.id, monthOf(5).id]);

    await books.track(team, 50_003, noon(january, 10), noon(march, 21));
    expect(await closedWith(march)).toEqual([january.id, march.id]);
    expect(await closedWith(monthOf(0))).toEqual([monthOf(0).id]);

    for (const month of [january, march]) await books.close(month, noon(april, 2));
    expect(await closedWith(march)).toEqual([march.id]);
    expect(await closedWith(april)).toEqual([april.id]);
    expect(await books.lines(team)).toEqual([[january.id, 'overage', january.id, 3]]);
  });

  test('also one that was sealed by a close which did not come to its end', async () => {
    await books.team('pro');
    await books.pool.query('update tagih.teams set created_at = $1', [noon(february, 1)]);
    await books.closes.begin(february.id, noon(march, 2));
    await books.closes.seal(february.id, noon(march, 2));
    expect(await books.closes.monthsToClose(march.id)).toEqual([february.id, march.id]);
    await books.closes.end(february.id, 'failed', noon(march, 2));
    expect(await books.closes.monthsToClose(march.id)).toEqual([february.id, march.id]);
  });
});

describe('the verification of a close (R33)', () => {
  const corrupt = (change: string, ...values: string[]) => books.pool.query(change, values);

  test('finds what a month has in its totals and not in its events, and names both', async () => {
    const [team, other] = [await books.team('pro'), await books.team('pro')];
    await books.track(team, 60_000, noon(january, 10));
    await books.track(other, 7, noon(january, 10));
    await books.closes.seal(january.id, noon(february, 2));
    await books.closes.verify(january.id, noon(april, 1));
    const oneMore =
      'update tagih.usage_totals set used_tokens = used_tokens + 1 where team_id = $1';
    await corrupt(oneMore, team);
    await expect(books.closes.verify(january.id, noon(april, 1))).rejects.toThrow(
      `${january.id} is not billed: ${team} has 60001 tokens of ${january.id} in its totals, 60000 in its events`,
    );
  });

  test('finds events that no total counts, and what came late', async () => {
    const team = await books.team('pro');
    await books.track(team, 60_000, noon(january, 10));
    await books.close(january);
    await books.track(team, 500, noon(january, 11), noon(february, 5));
    await books.track(team, 9, noon(february, 6));
    // After the seal: the usage of January's own bill is as it was, and February has some of it, too.
    await books.closes.seal(february.id, noon(march, 2));
    await books.track(team, 30, noon(january, 12), noon(march, 5));
    await books.track(team, 4, noon(february, 12), noon(march, 5));
    await books.closes.verify(february.id, noon(april, 1));
    await corrupt('update tagih.usage_late set tokens = tokens + 1 where period = $1', january.id);
    await corrupt('delete from tagih.usage_totals where period = $1', february.id);
    await expect(books.closes.verify(february.id, noon(april, 1))).rejects.toThrow(
      `${team} has 501 tokens of ${january.id} in its totals, 500 in its events; ` +
        `${team} has 0 tokens of ${february.id} in its totals, 9 in its events`,
    );
  });

  test('asks nothing of a record that is there: its events may be past retention', async () => {
    const team = await books.team('pro');
    await books.track(team, 60_000, noon(january, 10));
    await books.close(january);
    await books.pool.query('delete from tagih.usage_events');
    await books.closes.verify(january.id, noon(april, 1));
  });

  test('keeps an earlier month that does not fit its events from being billed by a later close', async () => {
    const team = await books.team('pro');
    await books.track(team, 60_000, noon(january, 10));
    await books.track(team, 50_002, noon(february, 10));
    const total = 'update tagih.usage_totals set used_tokens = $1 where period = $2';
    await corrupt(total, '1060000', january.id);
    const now = noon(march, 2);
    const mismatch = `${january.id} is not billed: ${team} has 1060000 tokens of ${january.id} in its totals, 60000`;
    for (const { id } of [january, february]) {
      await books.closes.begin(id, now);
      await books.closes.seal(id, now);
      await expect(books.closes.verify(id, now)).rejects.toThrow(mismatch);
    }
    // It may have been sealed since the later month was counted.
    await expect(books.closes.writeRecords(february.id, ALL)).rejects.toThrow(mismatch);
    expect(await books.records(team)).toEqual([]);

    await corrupt(total, '60000', january.id);
    await books.closes.verify(february.id, now);
    await books.closes.writeRecords(february.id, ALL);
    expect(await books.lines(team)).toEqual([
      [january.id, 'overage', january.id, 10_000],
      [february.id, 'overage', february.id, 2],
    ]);
  });

  test('is noted when it was made, not when a month is closed again', async () => {
    const team = await books.team('pro');
    await books.track(team, 60_000, noon(january, 10));
    await books.closes.begin(january.id, noon(february, 2));
    await books.closes.seal(january.id, noon(february, 2));
    for (const day of [2, 9]) await books.closes.verify(january.id, noon(february, day));
    const { rows } = await books.pool.query('select verified_at as at from tagih.closes');
    expect(rows).toEqual([{ at: noon(february, 2) }]);
  });
});

describe('the progress of a close', () => {
  test('counts all teams from the seal on, not those that have their record already (R39)', async () => {
    const teams = await Promise.all([1, 2, 3].map(() => books.team('pro')));
    await books.closes.begin(january.id, noon(february, 2));
    await books.closes.seal(january.id, noon(february, 2));
    const [first = ''] = teams.toSorted();
    await books.closes.writeRecords(january.id, { first, last: first });
    expect(await findClose(books.pool, january.id)).toMatchObject({
      teams: { total: 3, done: 1, failed: 0 },
    });
  });

  test('says of a close that runs anew no more that it left facts behind (R39)', async () => {
    const behind = async () => (await findClose(books.pool, january.id))?.factsLeftBehind;
    await books.close(january);
    await books.closes.leaveBehind(january.id, 2);
    expect(await behind()).toBe(2);
    await books.closes.begin(january.id, noon(february, 3));
    expect(await behind()).toBe(0);
  });
});

describe('who has a record (R39)', () => {
  const updated = {
    id: 'evt_1',
    type: 'customer.subscription.updated',
    apiVersion: null,
    objectId: 'sub_1',
    customerId: null,
    ignored: false,
    createdAt: new Date(),
  };
  const asked = {
    subscriptionIds: ['sub_1'],
    invoiceIds: [],
    cards: [],
    settle: false,
    cause: 'evt_1',
    changedAt: null,
  };
  const createdAt = (team: string, at: Date) =>
    books.pool.query('update tagih.teams set created_at = $2 where id = $1', [team, at]);

  test('whoever was there, or has a plan, usage or something open in the month', async () => {
    const idle = await books.team('free');
    const later = await books.team('free');
    const planned = await books.team('pro');
    const using = await books.team('free');
    for (const team of [later, planned, using]) await createdAt(team, noon(february, 3));
    await books.track(using, 5, noon(january, 9), noon(february, 4));
    await books.close(january, noon(february, 5));

    const having = async (team: string) => (await books.records(team)).length;
    expect(await Promise.all([idle, later, planned, using].map(having))).toEqual([1, 0, 1, 1]);
    await books.close(february);
    expect(await having(later)).toBe(1);
  });

  test('summaries go to those with a plan, usage or an amount in it, once', async () => {
    const idle = await books.team('free');
    const paying = await books.team('pro');
    const using = await books.team('free');
    const former = await books.team('free');
    const from = monthOf(0).start;
    await books.turn(former, {}, { plan: 'pro', from, to: january.start });
    await books.track(using, 5, noon(january, 9));
    for (const run of [1, 2]) {
      for (const page of await books.close(january)) {
        await books.closes.writeSummaries(january.id, page, noon(february, run));
      }
    }
    expect((await books.summaries()).toSorted()).toEqual([paying, using].toSorted());
    expect(await books.summaries()).not.toContain(idle);
  });

  test('no fact is left behind until it is in the plan history', async () => {
    const team = await books.team('pro');
    const { id } = periodAt(new Date(), 'Asia/Jakarta');
    const behind = () => books.closes.factsBehind(id);
    expect(await behind()).toBe(0);

    await new EventRecorder(books.pool, () => {}).accept({ ...updated, teamHint: team });
    expect(await behind()).toBe(1);
    expect(await books.closes.factsBehind(january.id)).toBe(1);
    expect(await books.closes.factsBehind('2020-01')).toBe(0);
    // Temporal has it, the workflow does not yet.
    await books.pool.query('delete from tagih.outbox');
    expect(await behind()).toBe(1);
    await books.turn(team, { seen: ['evt_1'], reading: { ...asked, number: 1 } });
    expect(await behind()).toBe(1);
    await books.turn(team, { reading: null });
    expect(await behind()).toBe(0);
  });

  test('a fact that was taken is not waited for, though its team remembers others since', async () => {
    const team = await books.team('pro');
    const { id } = periodAt(new Date(), 'Asia/Jakarta');
    const recorder = new EventRecorder(books.pool, () => {});
    for (const event of ['evt_old', 'evt_new']) {
      await recorder.accept({ ...updated, id: event, teamHint: team });
    }
    await books.pool.query('delete from tagih.outbox');
    await books.turn(team, { seen: ['evt_old'] }, undefined, ['evt_old']);
    expect(await books.closes.factsBehind(id)).toBe(1);
    await books.turn(team, { seen: ['evt_new'] }, undefined, ['evt_new']);
    expect(await books.closes.factsBehind(id)).toBe(0);
  });

  test('no close waits for what an event of after its cutoff has asked for', async () => {
    const team = await books.team('pro');
    await new EventRecorder(books.pool, () => {}).accept({
      ...updated,
      id: 'evt_later',
      teamHint: team,
    });
    await books.pool.query('update tagih.stripe_events set received_at = $1', [noon(february, 3)]);
    await books.pool.query('delete from tagih.outbox');
    const later = { ...asked, cause: 'evt_later' };
    const behind = async () => [
      await books.closes.factsBehind(january.id),
      await books.closes.factsBehind(february.id),
    ];
    await books.turn(team, { seen: ['evt_later'], reading: { ...later, number: 1 } });
    expect(await behind()).toEqual([0, 1]);
    await books.turn(team, { reading: null, wanted: later });
    expect(await behind()).toEqual([0, 1]);
    await books.turn(team, { wanted: { ...asked, cause: 'resync:rina' } });
    expect(await behind()).toEqual([1, 1]);
  });
});
