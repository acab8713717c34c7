import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Period, periodAt, previousPeriod } from '../../src/domain/period.js';
import { explain } from '../../src/services/explanation.js';
import { CorrectionBelowZero } from '../../src/services/newUsage.js';
import { OverageService } from '../../src/services/overageService.js';
import { createStripe } from '../../src/stripe/client.js';
import { Bill } from '../model/bill.js';
import { ALL, type Books, january, monthOf, noon, openBooks } from './closing.js';

/** As many as the suite has time for; a search: `BILLS=2000 npx vitest run test/services/bills.test.ts`. */
const RUNS = Number(process.env['BILLS'] ?? 12);

const ZONE = 'Asia/Jakarta';
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const TEAMS = 2;

const months = [monthOf(0), monthOf(1), monthOf(2), monthOf(3), monthOf(4)] as const;

/** The midst of a month, its edges, and those that it would have by UTC. */
const instants = fc
  .tuple(
    fc.constantFrom(...months),
    fc.constantFrom(
      ({ start }: Period) => start.getTime(),
      ({ start }: Period) => start.getTime() + 7 * HOUR - 1,
      (month: Period) => noon(month, 12).getTime(),
      (month: Period) => noon(month, 20).getTime(),
      ({ end }: Period) => end.getTime() - 1,
    ),
  )
  .map(([month, of]) => of(month));

const team = fc.nat(TEAMS - 1);
const month = fc.nat(months.length - 1);

const use = fc.record({
  kind: fc.constant('use' as const),
  team,
  at: instants,
  tokens: fc.constantFrom(1, 700, 50_000, 60_000, 450_000, 520_000),
});
const correct = fc.record({
  kind: fc.constant('correct' as const),
  team,
  month,
  tokens: fc.constantFrom(-400_000, -30_000, -701, -1, 1, 50_000),
});
const subscribe = fc.record({
  kind: fc.constant('subscribe' as const),
  team,
  plan: fc.constantFrom('pro' as const, 'enterprise' as const),
  from: instants,
  days: fc.option(fc.constantFrom(1, 20, 45)),
});
const end = fc.record({ kind: fc.constant('end' as const), team, which: fc.nat(9), at: instants });
const wait = fc.record({ kind: fc.constant('wait' as const), days: fc.constantFrom(1, 12, 31) });
/** Months by how long ago they ended: 0 is the last that did. */
const ago = fc.constantFrom(0, 0, 0, 1, 2);
const close = fc.record({
  kind: fc.constant('close' as const),
  ago: fc.uniqueArray(ago, { minLength: 1, maxLength: 2 }),
});
const carry = fc.record({ kind: fc.constant('carry' as const), ago });

const steps = fc.oneof(
  { weight: 6, arbitrary: use },
  { weight: 2, arbitrary: correct },
  { weight: 3, arbitrary: subscribe },
  { weight: 4, arbitrary: end },
  { weight: 3, arbitrary: wait },
  { weight: 4, arbitrary: close },
  { weight: 2, arbitrary: carry },
);

type Step = typeof steps extends fc.Arbitrary<infer S> ? S : never;

class Story {
  private now = noon(january, 15);
  private readonly stripe = createStripe('sk_test_away', 'http://127.0.0.1:1');

  private constructor(
    private readonly books: Books,
    private readonly teams: readonly { id: string; bill: Bill }[],
  ) {}

  static async begin(books: Books): Promise<Story> {
    const ids = await Promise.all(Array.from({ length: TEAMS }, () => books.team('free')));
    const story = new Story(
      books,
      ids.map((id) => ({ id, bill: new Bill() })),
    );
    // Else little of what is used would cost anything.
    const from = january.start.getTime();
    await story.hold(story.team(0), { plan: 'pro', from, to: null });
    return story;
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'use':
        return this.use(this.team(step.team), Math.min(step.at, this.now.getTime()), step.tokens);
      case 'correct':
        return this.correct(this.team(step.team), monthOf(step.month), step.tokens);
      case 'subscribe': {
        const from = Math.min(step.from, this.now.getTime());
        const to = step.days === null ? null : from + step.days * DAY;
        return this.hold(this.team(step.team), { ...step, from, to });
      }
      case 'end': {
        const { id, bill } = this.team(step.team);
        const held = bill.held[step.which % bill.held.length];
        if (held === undefined) return;
        return this.hold({ id, bill }, { ...held, to: Math.max(held.from + 1, step.at) });
      }
      case 'wait':
        return this.wait(step.days);
      case 'close':
        await Promise.all(step.ago.map((ago) => this.close(this.ended(ago))));
        return;
      case 'carry':
        // Without a customer nothing is asked of Stripe.
        return new OverageService(this.books.pool, this.stripe).billPage(
          this.ended(step.ago).id,
          ALL,
        );
    }
  }

  private team(number: number): { id: string; bill: Bill } {
    const found = this.teams[number];
    if (found === undefined) throw new Error(`there is no team ${number}`);
    return found;
  }

  /** Before December 2030 nothing was. */
  private ended(ago: number): Period {
    let period = previousPeriod(periodAt(this.now, ZONE), ZONE);
    for (let back = 0; back < ago; back += 1) period = previousPeriod(period, ZONE);
    return period.start < months[0].start ? months[0] : period;
  }

  private async use({ id, bill }: { id: string; bill: Bill }, at: number, tokens: number) {
    await this.books.track(id, tokens, new Date(at), this.now);
    bill.use(at, tokens);
  }

  private async correct(
    { id, bill }: { id: string; bill: Bill },
    period: Period,
    tokens: number,
  ): Promise<void> {
    if (period.start > this.now) return;
    const correction = { idempotencyKey: randomUUID(), tokens, period, actor: 'a', reason: 'b' };
    const taken = await this.books.billing
      .correctUsage({ teamId: id, ...correction }, this.now)
      .then(() => true)
      .catch((error: unknown) => {
        if (error instanceof CorrectionBelowZero) return false;
        throw error;
      });
    expect(taken).toBe(bill.correct(period.id, tokens));
  }

  private async hold(
    { id, bill }: { id: string; bill: Bill },
    { plan, from, to }: { plan: 'pro' | 'enterprise'; from: number; to: number | null },
  ): Promise<void> {
    bill.hold({ plan, from, to });
    await this.books.turn(
      id,
      {},
      { plan, from: new Date(from), ...(to === null ? {} : { to: new Date(to) }) },
    );
  }

  private async wait(days: number): Promise<void> {
    this.now = new Date(this.now.getTime() + days * DAY);
    // The ledger's own clock goes on with the story's.
    await this.books.pool.query(
      `with noted as (update tagih.plan_periods set noted_at = noted_at - $1 * interval '1 day')
       update tagih.usage_billings set created_at = created_at - $1 * interval '1 day'`,
      [days],
    );
  }

  private async close(period: Period): Promise<void> {
    if (period.end.getTime() + 60_000 > this.now.getTime()) return;
    const { closes } = this.books;
    await closes.begin(period.id, this.now);
    const pages = await closes.seal(period.id, this.now);
    await closes.verify(period.id, this.now);
    for (const page of pages) await closes.writeRecords(period.id, page);
    await closes.end(period.id, 'completed', this.now);
  }

  /** Closes what is left, and the month in which the last was heard. */
  async end(): Promise<void> {
    const last = periodAt(this.now, ZONE);
    this.now = noon(last, 40);
    for (let number = 0; ; number += 1) {
      const period = monthOf(number);
      await this.close(period);
      if (period.id === last.id) return;
    }
  }

  /** Each month is billed with what it costs, and what is owed in all is on some record, once. */
  async agrees(): Promise<void> {
    for (const { id, bill } of this.teams) {
      const records = await this.books.records(id);
      const lines = records.flatMap((record) => record.lines);
      const sum = (amounts: readonly { amount: number }[]) =>
        amounts.reduce((total, { amount }) => total + amount, 0);
      for (const { period } of records) {
        const own = lines.filter((line) => line.period === period && line.kind !== 'carried');
        expect([id, period, sum(own)]).toEqual([id, period, bill.cost(period)]);
      }
      const taken = lines.filter(({ kind }) => kind === 'carried').map(({ period }) => period);
      const owed = records
        .filter(({ status, period }) => status !== 'carried_forward' || !taken.includes(period))
        .map(({ amountDue: amount }) => ({ amount }));
      expect(sum(owed)).toBe(sum(records.map(({ period }) => ({ amount: bill.cost(period) }))));
      for (const { period } of records) await explain(this.books.pool, ZONE, id, period);
    }
  }
}

test(
  'whatever is heard, and whenever it is closed, the records add up to what all months cost (R2, R4, R12, R13, R34)',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 40, maxLength: 60 }), async (sequence) => {
        const books = await openBooks();
        try {
          const story = await Story.begin(books);
          for (const step of sequence) await story.take(step);
          await story.end();
          await story.agrees();
        } finally {
          await books.shut();
        }
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  },
  1_000 * RUNS + 30_000,
);
