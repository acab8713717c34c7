import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool, type Pool } from '../../src/db/pool.js';
import { putTeam } from '../../src/db/teams.js';
import { listTimeline } from '../../src/db/timeline.js';
import { type Effect, newTeam, type PlanPeriod, type TeamState } from '../../src/domain/team.js';
import { saveTurn } from '../../src/services/turns.js';
import { createDatabase } from '../support/database.js';

let pool: Pool;
let drop: () => Promise<void>;
beforeAll(async () => {
  const database = await createDatabase();
  drop = database.drop;
  pool = createPool(database.url, () => {});
  await putTeam(pool, {
    id: 'acme',
    name: 'Acme',
    adminEmail: 'a@acme.example',
    stripeCustomerId: null,
  });
});
afterAll(async () => {
  await pool?.end();
  await drop?.();
});

const at = '2026-11-01T00:00:00.000Z';
const turn = (state: Partial<TeamState>) => ({
  state: { ...newTeam('acme', null), ...state },
  effects: [
    {
      kind: 'timeline' as const,
      entry: { kind: 'told', summary: 'Told', cause: 'evt_1', actor: 'stripe', details: {} },
    },
  ],
  at,
});

test('a turn that is written again changes nothing; one that the ledger has left behind fails, and is seen', async () => {
  await saveTurn(pool, turn({ turn: 1 }));
  await saveTurn(pool, turn({ turn: 1 }));
  expect(await listTimeline(pool, 'acme', Number.MAX_SAFE_INTEGER, 10)).toHaveLength(1);
  await saveTurn(pool, turn({ turn: 2, tier: 'pro' }));
  await expect(saveTurn(pool, turn({ turn: 2, tier: 'free' }))).rejects.toThrow('resync');
  await expect(saveTurn(pool, turn({ turn: 1 }))).rejects.toThrow('resync');
});

test('R4, R37: plans that a subscription held within one second have a row each, which its end completes', async () => {
  const period = { subscriptionId: 'sub_1', startsAt: at };
  const ended = '2026-11-02T00:00:00.000Z';
  const periods: PlanPeriod[] = [
    { ...period, plan: 'enterprise', endsAt: null },
    { ...period, plan: 'enterprise', endsAt: at },
    { ...period, plan: 'pro', endsAt: null },
    { ...period, plan: 'pro', endsAt: ended },
  ];
  const effects = periods.map((period) => ({ kind: 'plan_period' as const, period }));
  await saveTurn(pool, { ...turn({ turn: 3 }), effects });
  const { rows } = await pool.query<{ plan: string; ends: Date }>(
    `select plan, ends_at as ends from tagih.plan_periods order by plan`,
  );
  expect(rows).toEqual([
    { plan: 'enterprise', ends: new Date(at) },
    { plan: 'pro', ends: new Date(ended) },
  ]);
});

test('R4: a plan that is held since earlier than was known keeps its one row', async () => {
  const period = { plan: 'pro', subscriptionId: 'sub_2', endsAt: null } as const;
  const [startsAt, movedFrom] = ['2026-11-03T00:00:00.000Z', '2026-11-05T00:00:00.000Z'];
  const effects: Effect[] = [
    { kind: 'plan_period', period: { ...period, startsAt: movedFrom } },
    { kind: 'plan_period', period: { ...period, startsAt }, movedFrom },
  ];
  await saveTurn(pool, { ...turn({ turn: 4 }), effects });
  const { rows } = await pool.query<{ starts: Date }>(
    `select starts_at as starts from tagih.plan_periods where subscription_id = 'sub_2'`,
  );
  expect(rows).toEqual([{ starts: new Date(startsAt) }]);
});
