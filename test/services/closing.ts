import { randomUUID } from 'node:crypto';
import type { PoolConfig } from 'pg';
import { afterEach, beforeEach } from 'vitest';
import { waitingEmails } from '../../src/db/emails.js';
import { createPool, type Pool, transaction } from '../../src/db/pool.js';
import { putTeam } from '../../src/db/teams.js';
import { listTeamBillings, type UsageBilling } from '../../src/db/usageBillings.js';
import type { Page } from '../../src/domain/page.js';
import { type Period, parsePeriod } from '../../src/domain/period.js';
import type { PlanId } from '../../src/domain/plans.js';
import type { LineKind } from '../../src/domain/record.js';
import type { Subscription } from '../../src/domain/subscription.js';
import { newTeam, type TeamState } from '../../src/domain/team.js';
import { BillingService, type Tracked } from '../../src/services/billingService.js';
import { CloseService } from '../../src/services/closeService.js';
import { saveTurn } from '../../src/services/turns.js';
import { UsageRecorder } from '../../src/services/usageRecorder.js';
import { createDatabase } from '../support/database.js';

const ZONE = 'Asia/Jakarta';
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export const ALL: Page = { first: '0', last: 'zzzz' };

/** A month of 2031: the clock of these stories is theirs alone. 0 is December 2030. */
export function monthOf(number: number): Period {
  const id = number === 0 ? '2030-12' : `2031-${String(number).padStart(2, '0')}`;
  const period = parsePeriod(id, ZONE);
  if (period === undefined) throw new Error(`${id} is no period`);
  return period;
}

export const january = monthOf(1);
export const february = monthOf(2);
export const march = monthOf(3);
export const april = monthOf(4);

/** Noon of a day of a month, as early as the first. */
export function noon({ start }: Period, day: number): Date {
  return new Date(start.getTime() + (day - 1) * DAY + DAY / 2);
}

export type Books = Awaited<ReturnType<typeof openBooks>>;

/** The services of a close on a ledger of their own; usage can be grouped by `model`. */
export async function openBooks() {
  const database = await createDatabase();
  const pools: Pool[] = [];
  const connect = (settings?: PoolConfig) => {
    const pool = createPool(database.url, () => {}, settings);
    pools.push(pool);
    return pool;
  };
  const pool = connect();

  /** Usage as one of several servers takes it: with a recorder and connections of its own. */
  function server(settings: PoolConfig = {}): BillingService {
    const recorder = new UsageRecorder(connect({ max: 2, ...settings }), ZONE, ['model']);
    return new BillingService(pool, ZONE, recorder, 13);
  }

  const billing = server();
  const closes = new CloseService(pool, ZONE, 6 * HOUR);
  const turns = new Map<string, TeamState>();

  /** The next turn of a team's workflow. */
  async function turn(
    teamId: string,
    change: Partial<TeamState>,
    plan?: { plan: PlanId; from: Date; to?: Date },
    taken: string[] = [],
  ): Promise<void> {
    const before = turns.get(teamId) ?? newTeam(teamId, null);
    const state = { ...before, ...change, turn: before.turn + 1 };
    turns.set(teamId, state);
    const period = plan && {
      plan: plan.plan,
      subscriptionId: `sub_${plan.plan}`,
      startsAt: plan.from.toISOString(),
      endsAt: plan.to?.toISOString() ?? null,
    };
    const effects = period ? [{ kind: 'plan_period' as const, period }] : [];
    await saveTurn(pool, { state, effects, at: new Date().toISOString(), taken });
  }

  return {
    pool,
    server,
    billing,
    closes,
    turn,

    /** A team that was there before the stories begin, on a plan since December 2030. */
    async team(plan: PlanId, stripeCustomerId: string | null = null): Promise<string> {
      const id = `team_${randomUUID().slice(0, 8)}`;
      await putTeam(pool, {
        id,
        name: 'Acme',
        adminEmail: `${id}@admin.example`,
        stripeCustomerId,
      });
      if (plan !== 'free') await turn(id, { tier: plan }, { plan, from: monthOf(0).start });
      return id;
    },

    async track(teamId: string, tokens: number, occurredAt: Date, now = occurredAt) {
      const idempotencyKey = randomUUID();
      const usage = { teamId, idempotencyKey, tokens, occurredAt, metadata: {} };
      return billing.trackUsage(usage, now) satisfies Promise<Tracked>;
    },

    /** The close of a month up to its records, on the second of the next by default. */
    async close({ id, end }: Period, now = new Date(end.getTime() + DAY)): Promise<Page[]> {
      await closes.begin(id, now);
      const pages = await closes.seal(id, now);
      for (const page of pages) await closes.writeRecords(id, page);
      await closes.end(id, 'completed', now);
      return pages;
    },

    /** A team's records, the oldest first. */
    async records(teamId: string): Promise<UsageBilling[]> {
      return (await listTeamBillings(pool, teamId, '9999-12', 100)).toReversed();
    },

    /** A team's lines as `billed in: kind, month, amount`. */
    async lines(teamId: string): Promise<[string, LineKind, string, number][]> {
      return (await this.records(teamId)).flatMap((record) =>
        record.lines.map((l): [string, LineKind, string, number] => [
          record.period,
          l.kind,
          l.period,
          l.amount,
        ]),
      );
    },

    /** Meanwhile commits of the team's usage get as far as its totals, and wait. */
    holdingTotals<T>(teamId: string, work: () => Promise<T>): Promise<T> {
      return transaction(pool, async (db) => {
        await db.query('select from tagih.usage_totals where team_id = $1 for update', [teamId]);
        return work();
      });
    },

    /** How many transactions wait for others. */
    async waitingForLocks(): Promise<number> {
      const { rows } = await pool.query<{ count: number }>(
        `select count(*)::int as count from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return rows[0]?.count ?? 0;
    },

    /** Who waits for a summary. */
    async summaries(): Promise<string[]> {
      const mails = await waitingEmails(pool, 1_000);
      return mails.flatMap(({ kind, teamId }) => (kind === 'monthly-summary' && teamId) || []);
    },

    async shut(): Promise<void> {
      await Promise.all(pools.map((pool) => pool.end()));
      await database.drop();
    },
  };
}

/** Books of its own for each test of a file. */
export function freshBooks(): Books {
  const books = {} as Books;
  beforeEach(async () => {
    Object.assign(books, await openBooks());
  });
  afterEach(() => books.shut());
  return books;
}

export function subscriptionOf(given: Pick<Subscription, 'id' | 'customerId'>): Subscription {
  return {
    ...given,
    status: 'active',
    priceId: 'price_sandbox_pro',
    plan: 'pro',
    startedAt: monthOf(0).start.toISOString(),
    endedAt: null,
    currentPeriodEnd: monthOf(12).end.toISOString(),
    cancelAt: null,
  };
}
