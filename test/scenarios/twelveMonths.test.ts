import { randomUUID } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import type { Period } from '../../src/domain/period.js';
import { newTeam } from '../../src/domain/team.js';
import { saveTurn } from '../../src/services/turns.js';
import { Bill, type Held } from '../model/bill.js';
import { subscriptionOf } from '../services/closing.js';
import { knownSubscriber } from '../support/knownSubscriber.js';
import { close, dayOf, monthsAgo } from '../support/months.js';
import { sharedProduct } from '../support/product.js';

/** The suite has time for a few; `npm run months` closes twelve months of two hundred teams. */
const TEAMS = Number(process.env['TEAMS'] ?? 20);
const MONTHS = Number(process.env['MONTHS'] ?? 4);

vi.setConfig({ testTimeout: 30_000 + TEAMS * MONTHS * 100 });

const months = Array.from({ length: MONTHS }, (_, index) => monthsAgo(MONTHS - index));

// What the sandbox takes is not what this is about, and its pace is a setting.
const product = sharedProduct({ STRIPE_RATE_LIMIT: '1000', RETENTION_MONTHS: '14' });

interface Team {
  id: string;
  number: number;
  customerId: string;
  subscriptionId: string;
  bill: Bill;
  turn: number;
}

async function subscribed(number: number): Promise<Team> {
  const id = `team_${String(number).padStart(3, '0')}`;
  const { customerId, subscriptionId } = await knownSubscriber(product, id, {
    from: new Date(start(0)),
  });
  const bill = new Bill();
  bill.hold({ plan: 'pro', from: start(0), to: null });
  return { id, number, customerId, subscriptionId, bill, turn: 1 };
}

const start = (index: number): number => months[index]?.start.getTime() ?? Number.NaN;

/** A plan of the team, as its workflow would have written it when it heard of it. */
async function holds(team: Team, held: Held): Promise<void> {
  const { pool } = product;
  team.turn += 1;
  team.bill.hold(held);
  const { subscriptionId, customerId } = team;
  const subscription = subscriptionOf({ id: subscriptionId, customerId });
  const period = {
    plan: held.plan,
    subscriptionId: `${team.subscriptionId} ${held.plan} ${held.from}`,
    startsAt: new Date(held.from).toISOString(),
    endsAt: held.to === null ? null : new Date(held.to).toISOString(),
  };
  const turn = { turn: team.turn, tier: 'pro', subscription } as const;
  await saveTurn(pool, {
    state: { ...newTeam(team.id, customerId), ...turn },
    effects: [{ kind: 'plan_period', period }],
    at: new Date().toISOString(),
    taken: [],
  });
}

/** Usage of a month, a thousand events at a time. */
async function use(
  month: Period,
  used: readonly { team: Team; day: number; tokens: number }[],
): Promise<void> {
  const events = used.map(({ team, day, tokens }) => {
    const occurredAt = dayOf(month, day);
    team.bill.use(occurredAt.getTime(), tokens);
    return { teamId: team.id, idempotencyKey: randomUUID(), tokens, occurredAt };
  });
  for (let first = 0; first < events.length; first += 1_000) {
    const batch = events.slice(first, first + 1_000);
    const { status } = await product.api('POST', '/api/v1/usage/batch', { events: batch });
    expect(status).toBe(200);
  }
}

async function correct(month: Period, team: Team, tokens: number): Promise<void> {
  const { status } = await product.api('POST', '/api/v1/usage/corrections', {
    teamId: team.id,
    idempotencyKey: randomUUID(),
    period: month.id,
    tokens,
    actor: 'finance',
    reason: 'counted twice',
  });
  expect(status).toBe(200);
  team.bill.correct(month.id, tokens);
}

/** What happens in a month, by its number and the team's; all of it is heard of before the month is closed. */
async function live(teams: readonly Team[], index: number): Promise<void> {
  const month = months[index];
  if (month === undefined) throw new Error(`there is no month ${index}`);
  const used = teams.flatMap((team) => {
    const share = (team.number * 7_919 + index * 104_729) % 40_000;
    return [
      { team, day: 3, tokens: 25_000 + share },
      { team, day: 20, tokens: 10_001 + team.number },
    ];
  });
  await use(month, used);
  for (const team of teams) {
    // Some have a larger plan for a few days of some months.
    if ((team.number + index) % 7 !== 0) continue;
    const [from, to] = [dayOf(month, 12).getTime(), dayOf(month, 15).getTime()];
    await holds(team, { plan: 'enterprise', from, to });
  }
}

/** What is heard of a month when it is closed already. */
async function hearLate(teams: readonly Team[], index: number): Promise<void> {
  const month = months[index];
  if (month === undefined) throw new Error(`there is no month ${index}`);
  const late = teams.filter(({ number }) => (number + index) % 4 === 0);
  await use(
    month,
    late.map((team) => ({ team, day: 25, tokens: 1_003 })),
  );
  for (const team of teams) {
    if ((team.number + index) % 5 === 0) await correct(month, team, -20_000);
    if ((team.number + index) % 11 !== 0) continue;
    const [from, to] = [dayOf(month, 20).getTime(), dayOf(month, 22).getTime()];
    await holds(team, { plan: 'enterprise', from, to });
  }
}

interface PreviewLine {
  kind: string;
  amount: { amount: number };
}

interface Kept {
  period: string;
  amountDue: number;
  status: string;
}

/** What all months cost is on Stripe, or in the preview of the month in which it was heard of (R12). */
async function agrees({ id, customerId, bill }: Team): Promise<number> {
  const { rows } = await product.pool.query<Kept>(
    `select period, amount_due::int as "amountDue", status from tagih.usage_billings
      where team_id = $1 order by period`,
    [id],
  );
  expect(rows.map(({ period }) => period)).toEqual(months.map((month) => month.id));
  const { data } = await product.stripe.invoiceItems.list({ customer: customerId, limit: 100 });
  const items = data.filter(({ metadata }) => metadata?.['tagih_period']);
  const due = rows.filter(({ status }) => status === 'pending');
  expect(items.map(({ amount, metadata }) => [metadata?.['tagih_period'], amount])).toEqual(
    due.toReversed().map(({ period, amountDue }) => [period, amountDue]),
  );
  const { body } = await product.api('GET', `/api/v1/teams/${id}/invoice-preview`);
  const toCome = (body.lines as PreviewLine[]).filter(({ kind }) => kind !== 'base');
  const amounts = [
    ...items.map(({ amount }) => amount),
    ...toCome.map(({ amount }) => amount.amount),
  ];
  const cost = months.reduce((sum, month) => sum + bill.cost(month.id), 0);
  expect([id, amounts.reduce((sum, amount) => sum + amount, 0)]).toEqual([id, cost]);
  return items.length;
}

test('R2, R4, R12, R13, R34: month after month, what is on Stripe is what all months cost', async () => {
  await product.control('POST', '/webhooks', { paused: true });
  const teams: Team[] = [];
  for (let number = 1; number <= TEAMS; number += 1) teams.push(await subscribed(number));
  for (const [index, month] of months.entries()) {
    await live(teams, index);
    await close(product, month);
    if (index < months.length - 1) await hearLate(teams, index);
  }
  let items = 0;
  for (const team of teams) items += await agrees(team);
  expect(items).toBeGreaterThan(TEAMS);
});
