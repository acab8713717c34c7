import { beforeEach, describe, expect, test } from 'vitest';
import { transaction } from '../../src/db/pool.js';
import { dropUsagePartitions, makeUsagePartitions } from '../../src/db/usagePartitions.js';
import { stepText } from '../../src/domain/stepText.js';
import { explain } from '../../src/services/explanation.js';
import { OverageService } from '../../src/services/overageService.js';
import { createStripe } from '../../src/stripe/client.js';
import { ALL, april, february, freshBooks, january, march, monthOf, noon } from './closing.js';

const books = freshBooks();

// As in a ledger that has been there for longer than the stories.
beforeEach(() => transaction(books.pool, (db) => makeUsagePartitions(db, monthOf(0).start)));

const explained = (team: string, { id }: { id: string }) =>
  explain(books.pool, 'Asia/Jakarta', team, id);

async function stepsOf(team: string, month: { id: string }) {
  return (await explained(team, month))?.steps ?? [];
}

/** The steps as they are told, less what is after the sum. */
async function toldOf(team: string, month: { id: string }): Promise<string[]> {
  const texts = (await stepsOf(team, month)).map((step) => stepText(step, 'idr'));
  return texts.slice(0, -2).map((text) => text.replaceAll('\u00a0', ' '));
}

const correct = (teamId: string, tokens: number, period: typeof january, now: Date) =>
  books.billing.correctUsage(
    { teamId, idempotencyKey: `c${tokens}`, tokens, period, actor: 'rina', reason: 'twice' },
    now,
  );

/** What is noted of plans was noted long before any record. */
const settleHistory = () =>
  books.pool.query("update tagih.plan_periods set noted_at = noted_at - interval '1 day'");

const change = (statement: string, ...values: unknown[]) => books.pool.query(statement, values);

describe('a record is computed again from its events, step by step (R33)', () => {
  test('one with nothing to pay', async () => {
    const team = await books.team('free');
    await books.track(team, 700, noon(january, 3));
    await books.close(january);
    expect(await toldOf(team, january)).toEqual([
      '700 tokens used in 2031-01: 1 events with 700, 0 corrections with 0',
      '2031-01 is rated with free, the highest plan held in it: none but Free',
      '2031-01 at the prices of 2026-11: a hard limit of 500, so 0 minor units (Rp 0)',
      'due for 2031-01: no line = 0 (Rp 0)',
    ]);
  });

  test('overage with corrections, which are told apart (R2, R13)', async () => {
    const team = await books.team('pro');
    await books.track(team, 60_000, noon(january, 10));
    await books.track(team, 5_000, noon(january, 11));
    await correct(team, -1_000, january, noon(january, 12));
    await books.close(january);
    const steps = await stepsOf(team, january);
    expect(steps).toMatchObject([
      {
        kind: 'usage',
        usedTokens: 64_000,
        counted: {
          metered: { events: 2, tokens: 65_000 },
          corrections: { events: 1, tokens: -1_000 },
        },
      },
      { kind: 'plan', plan: 'pro', held: [{ plan: 'pro', to: null }], heardSince: false },
      { kind: 'rating', tokenLimit: 50_000, overageTokens: 14_000, overageCost: 14_000 },
      { kind: 'sum', amounts: [14_000], amountDue: 14_000 },
      { kind: 'digest' },
      { kind: 'stripe', status: 'due', stripeInvoiceItemId: null, stripeInvoiceId: null },
    ]);
    expect(await toldOf(team, january)).toContain(
      '2031-01 at the prices of 2026-11: max(0, 64000 − 50000) = 14000 × 1000 ÷ 1000 = 14000 minor units (Rp 140)',
    );
  });

  test('late usage, up and down, in the months in which it came (R12)', async () => {
    const team = await books.team('pro');
    await books.track(team, 60_000, noon(january, 10));
    await books.close(january);
    await books.track(team, 500, noon(january, 11), noon(february, 5));
    await books.close(february);
    await correct(team, -700, january, noon(march, 5));
    await books.track(team, 50_001, noon(february, 11), noon(march, 5));
    await books.close(march);

    expect((await toldOf(team, february)).slice(3)).toEqual([
      '60500 tokens used in 2031-01: 2 events with 60500, 0 corrections with 0',
      expect.stringContaining('2031-01 is rated with pro'),
      expect.stringContaining('= 10500 minor units'),
      'late for 2031-01: 10500 − 10000 billed before = 500 (Rp 5)',
      'due for 2031-02: 500 = 500 (Rp 5)',
    ]);
    const told = await toldOf(team, march);
    expect(told).toContain('late for 2031-01: 9800 − 10500 billed before = -700 (-Rp 7)');
    expect(told).toContain('late for 2031-02: 1 − 0 billed before = 1 (Rp 0,01)');
    expect(told.at(-1)).toBe('due for 2031-03: -700 + 1 = -699 (-Rp 6,99)');
    // What came for January since is none of its own record's.
    expect((await toldOf(team, january)).at(-1)).toBe('due for 2031-01: 10000 = 10000 (Rp 100)');
  });

  test('a change of plan in the month, and one that was heard of too late (R4)', async () => {
    const team = await books.team('pro');
    await books.track(team, 520_000, noon(january, 10));
    await books.turn(team, {}, { plan: 'enterprise', from: noon(january, 20) });
    await settleHistory();
    await books.close(january);
    expect((await stepsOf(team, january)).slice(1, 3)).toMatchObject([
      { plan: 'enterprise', held: [{ plan: 'pro' }, { plan: 'enterprise' }], heardSince: false },
      { tokenLimit: 500_000, overageCost: 20_000 },
    ]);

    const other = await books.team('pro');
    await books.track(other, 80_000, noon(february, 10));
    await settleHistory();
    await books.close(february);
    const to = noon(february, 21);
    await books.turn(other, {}, { plan: 'enterprise', from: noon(february, 20), to });
    await books.close(march);
    expect((await stepsOf(other, february))[1]).toMatchObject({ plan: 'pro', heardSince: true });
    expect((await toldOf(other, march)).at(-2)).toBe(
      'late for 2031-02: 0 − 30000 billed before = -30000 (-Rp 300)',
    );
  });

  test('an amount that was carried forward (R34)', async () => {
    const team = await books.team('pro');
    await books.track(team, 50_700, noon(january, 10));
    await books.close(january);
    const stripe = createStripe('sk_test_away', 'http://127.0.0.1:1');
    await new OverageService(books.pool, stripe).billPage(january.id, ALL);
    await books.close(february);
    expect((await stepsOf(team, january)).at(-1)).toMatchObject({ status: 'carried_forward' });
    expect((await toldOf(team, february)).slice(-2)).toEqual([
      'carried forward from 2031-01: 700 (Rp 7)',
      'due for 2031-02: 700 = 700 (Rp 7)',
    ]);
  });

  test('of months that are closed out of their order (R12)', async () => {
    const team = await books.team('pro');
    await books.track(team, 60_000, noon(january, 10));
    await books.close(january);
    await books.track(team, 500, noon(january, 11), noon(february, 2));
    await books.close(march);
    await books.close(february, noon(april, 3));
    for (const month of [january, february, march]) await explained(team, month);
    expect((await toldOf(team, march)).at(-2)).toContain('= 500 (Rp 5)');
  });

  test('past retention it says so, and when the close counted them', async () => {
    const team = await books.team('pro');
    await books.track(team, 60_000, noon(january, 10));
    await books.close(january);
    await books.closes.verify(january.id, noon(february, 2));
    await books.track(team, 30, noon(january, 12), noon(march, 5));
    await books.close(february);
    await books.close(march);
    await transaction(books.pool, (db) => dropUsagePartitions(db, march.start));
    const past = { kind: 'usage', counted: null, usedTokens: 60_000 };
    const verifiedAt = noon(february, 2).toISOString();
    expect((await stepsOf(team, january))[0]).toMatchObject({ ...past, verifiedAt });
    const [own, , , late] = await stepsOf(team, march);
    expect(own).toMatchObject({ counted: { metered: { events: 0 } } });
    expect(late).toMatchObject({ ...past, usedTokens: 60_030, verifiedAt });
    expect((await toldOf(team, january))[0]).toBe(
      `60000 tokens used in 2031-01: its events are past retention; its close counted them, at ${verifiedAt}`,
    );
  });

  test('usage of before the team was in Tagih is counted, though no partition is that old', async () => {
    const team = await books.team('pro');
    await transaction(books.pool, (db) => dropUsagePartitions(db, noon(march, 2)));
    await change('update tagih.teams set created_at = $1', noon(march, 2));
    await books.track(team, 60_000, noon(january, 10), noon(march, 3));
    await books.close(january, noon(march, 4));
    expect((await stepsOf(team, january))[0]).toMatchObject({
      counted: { metered: { events: 1, tokens: 60_000 } },
    });
  });
});

describe('what does not hold is an error that names both figures (R33)', () => {
  const set = (column: string, value: unknown) => (team: string) =>
    change(
      `update tagih.usage_billings set ${column} = $3 where team_id = $1 and period = $2`,
      team,
      february.id,
      value,
    );
  const input = (path: string, value: string) => (team: string) =>
    change(
      `update tagih.usage_billings set inputs = jsonb_set(inputs::jsonb, $3, $4)::json
        where team_id = $1 and period = $2`,
      team,
      february.id,
      path,
      value,
    );
  const on = (statement: string) => (team: string) => change(`${statement} and team_id = $1`, team);

  const corruptions: [string, (team: string) => Promise<unknown>][] = [
    [
      'used tokens of 2031-02, in its events: 50009 recorded, 50008 found',
      on('update tagih.usage_events set tokens = 50008 where tokens = 50009'),
    ],
    [
      'used tokens of 2031-01, in its events: 60500 recorded, 60000 found',
      on('delete from tagih.usage_events where tokens = 500'),
    ],
    ['amountDue, from its inputs: 510 recorded, 509 found', set('amount_due', 510)],
    ['tokenLimit, from its inputs: 60000 recorded, 50000 found', set('token_limit', 60_000)],
    ['plan, from its inputs: free recorded, pro found', set('plan', 'free')],
    [
      'plan version, of those known: 2020-01 recorded, 2026-11 found',
      set('plan_version', '2020-01'),
    ],
    [
      'late line of 2031-01, from its inputs: 501 recorded, 500 found',
      on("update tagih.usage_billing_lines set amount = 501 where kind = 'late'"),
    ],
    [
      'late line of 2031-01, from its inputs: none recorded, 500 found',
      on("delete from tagih.usage_billing_lines where kind = 'late'"),
    ],
    [
      'used tokens of 2031-02, in its events: 50010 recorded, 50009 found',
      input('{month,usedTokens}', '50010'),
    ],
    [
      'billed before of 2031-01, in earlier records: 9999 recorded, 10000 found',
      input('{earlier,0,billedAmount}', '9999'),
    ],
    [
      'plans held in 2031-02, in their history: enterprise recorded, pro found',
      input('{month,plansHeld}', '["enterprise"]'),
    ],
    ['late tokens of 2031-01, in its events: 0 recorded, 500 found', input('{earlier}', '[]')],
    [
      'carried forward from 2031-01, in its record: 7 recorded, none found',
      input('{carried}', '[{ "period": "2031-01", "amount": 7 }]'),
    ],
    ['digest, computed anew: beef recorded, ', set('digest', 'beef')],
    // What is compared with nothing else.
    ['digest, computed anew: ', input('{earlier,0,planVersion}', 'null')],
  ];

  test('be it an event, an input, a line, a figure or the digest that was changed', async () => {
    const teams = await Promise.all(corruptions.map(() => books.team('pro')));
    const all = (work: (team: string) => Promise<unknown>) => Promise.all(teams.map(work));
    await all((team) => books.track(team, 60_000, noon(january, 10)));
    await settleHistory();
    await books.close(january);
    await all((team) => books.track(team, 500, noon(january, 11), noon(february, 5)));
    await all((team) => books.track(team, 50_009, noon(february, 6)));
    await books.close(february);
    await all((team) => explained(team, february));

    await all((team) => corruptions[teams.indexOf(team)]?.[1](team) ?? Promise.reject());
    const told = await all((team) => explained(team, february).catch(({ message }) => message));
    expect(told).toEqual(corruptions.map(([figures]) => expect.stringContaining(figures)));
  });

  test('a total that the record was made from, and that no event explains', async () => {
    const team = await books.team('pro');
    await books.track(team, 60_000, noon(january, 10));
    await change('update tagih.usage_totals set used_tokens = 60001');
    await books.close(january);
    await expect(explained(team, january)).rejects.toThrow(
      `The record of ${team} for 2031-01 does not hold. ` +
        'used tokens of 2031-01, in its events: 60001 recorded, 60000 found; ' +
        'amount due, from the events: 10001 recorded, 10000 found',
    );
  });
});

test('of a month without a record there is nothing to explain', async () => {
  expect(await explained(await books.team('pro'), january)).toBeUndefined();
  await expect(explained('nobody', january)).rejects.toMatchObject({ name: 'UnknownTeam' });
});
