import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parsePeriod } from '../../src/domain/period.js';
import {
  type BillingService,
  IdempotencyConflict,
  type Tracked,
  UnacceptableTime,
} from '../../src/services/billingService.js';
import { UnknownTeam } from '../../src/services/knownTeam.js';
import { CorrectionBelowZero } from '../../src/services/newUsage.js';
import { type Books, february, january, monthOf, noon, openBooks } from './closing.js';
import { type Expected, type Op, UsageModel } from './usageModel.js';

/** What is told under some key. */
type Told = Omit<Op, 'key'>;

const december = monthOf(0);
const months = [december, january, february].map(({ id }) => id);
const LIMITS = { free: 500, pro: 50_000 };

const instants = [
  // Past retention, the edges of months, their midst, and from when on it lies ahead.
  '2029-01-01T00:00:00Z',
  '2030-12-31T16:59:59.999Z',
  '2030-12-31T17:00:00Z',
  '2031-01-20T03:00:00Z',
  '2031-01-31T16:59:59.999Z',
  '2031-02-10T18:00:00Z',
  '2031-03-05T00:00:00Z',
].map((text) => Date.parse(text));

const events: fc.Arbitrary<Told> = fc.record({
  team: fc.constantFrom('free', 'pro', 'free', 'pro', 'free', 'pro', 'nobody'),
  tokens: fc.constantFrom(1, 60, 399, 400, 20_000, 40_000),
  statedAt: fc.option(fc.constantFrom(...instants)),
  model: fc.constantFrom('large', 'small', null),
  corrects: fc.constant(null),
});

const corrections: fc.Arbitrary<Told> = fc.record({
  team: fc.constantFrom('free', 'pro'),
  tokens: fc.constantFrom(-20_000, -300, -60, -1, 1, 450),
  statedAt: fc.constant(null),
  model: fc.constant(null),
  corrects: fc.record({
    month: fc.constantFrom(...months, '2031-03'),
    reason: fc.constantFrom('a', 'b'),
  }),
});

/** What there is to tell, each under a key of its own; the steps tell some of it, often more than once. */
const KEYS = 60;
const stories = fc.array(
  fc.oneof({ weight: 4, arbitrary: events }, { weight: 1, arbitrary: corrections }),
  { minLength: KEYS, maxLength: KEYS },
);

const tell = fc.record({
  kind: fc.constant('tell' as const),
  ops: fc.array(
    fc.record({ key: fc.nat(KEYS - 1), falsely: fc.nat(9).map((chance) => chance === 0) }),
    { minLength: 1, maxLength: 12 },
  ),
  server: fc.nat(1),
  batch: fc.boolean(),
});

const steps = fc.oneof(
  { weight: 8, arbitrary: tell },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), days: fc.nat(2) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('seal' as const), month: fc.constantFrom(...months) }),
  },
);

type Step = typeof steps extends fc.Arbitrary<infer S> ? S : never;

/** Tells one event to a server. */
function say(billing: BillingService, op: Op, teamId: string, now: Date): Promise<Tracked> {
  const { key: idempotencyKey, tokens, statedAt, model, corrects } = op;
  if (corrects === null) return billing.trackUsage(usageOf(op, teamId), now);
  const period = parsePeriod(corrects.month, 'Asia/Jakarta');
  if (period === undefined) throw new Error(`${corrects.month} is no month`);
  expect([statedAt, model]).toEqual([null, null]);
  const { reason } = corrects;
  return billing.correctUsage(
    { teamId, idempotencyKey, tokens, period, reason, actor: 'ana' },
    now,
  );
}

const usageOf = ({ key, tokens, statedAt, model }: Op, teamId: string) => ({
  teamId,
  idempotencyKey: key,
  tokens,
  occurredAt: statedAt === null ? undefined : new Date(statedAt),
  metadata: model === null ? {} : { model },
});

/** An answer in the model's words. */
function heard(answer: unknown): Expected {
  if (answer instanceof UnknownTeam) return { result: 'unknown_team' };
  if (answer instanceof IdempotencyConflict) return { result: 'conflict' };
  if (answer instanceof UnacceptableTime) return { result: 'time' };
  if (answer instanceof CorrectionBelowZero) return { result: 'below_zero' };
  if (answer instanceof Error) throw answer;
  const { result, billedIn, totals } = answer as Tracked;
  return { result, billedIn, month: totals.period.id, used: totals.usedTokens };
}

async function inTurn(
  books: Books,
  told: readonly Told[],
  sequence: readonly Step[],
): Promise<void> {
  const teams = new Map([
    ['free', await books.team('free')],
    ['pro', await books.team('pro')],
    ['nobody', 'nobody'],
  ]);
  const model = new UsageModel(new Map(Object.entries(LIMITS)));
  const servers = [books.billing, books.server()];
  let now = noon(february, 26);
  for (const step of sequence) {
    if (step.kind === 'wait') now = new Date(now.getTime() + step.days * 86_400_000);
    if (step.kind === 'seal' && (parsePeriod(step.month, 'Asia/Jakarta')?.end ?? now) < now) {
      await books.closes.seal(step.month, now);
      model.sealed.add(step.month);
    }
    if (step.kind !== 'tell') continue;

    const ops = step.ops.flatMap(({ key, falsely }): Op[] => {
      const one = told[key];
      return one ? [{ ...one, key: `k-${key}`, tokens: one.tokens + (falsely ? 1 : 0) }] : [];
    });
    const server = servers[step.server] ?? books.billing;
    const batch = step.batch && ops.every(({ corrects }) => corrects === null);
    const idOf = ({ team }: Op) => teams.get(team) ?? '';
    const answers = batch
      ? await server.trackBatch(
          ops.map((op) => usageOf(op, idOf(op))),
          now,
        )
      : await Promise.all(
          ops.map((op) => say(server, op, idOf(op), now).catch((error: unknown) => error)),
        );
    const expected = model.tellAll(ops, now.getTime());
    for (const [index, answer] of answers.entries()) {
      const { used, ...rest } = heard(answer);
      const { used: usedThen, ...expectedRest } = expected[index] ?? { result: 'time' };
      expect(rest).toEqual(expectedRest);
      // A repetition is answered with the total of its commit, which may hold what came after it.
      const after = expected
        .slice(index)
        .filter(
          (one, ahead) => one.month === rest.month && ops[index + ahead]?.team === ops[index]?.team,
        )
        .map((one) => one.used);
      expect(rest.result === 'duplicate' ? after : [usedThen]).toContain(used);
    }
  }
  await agrees(books, model, teams, now);
}

/** What stands in the ledger is what the model kept: totals, days, groups, late usage, mails and the timeline. */
async function agrees(
  books: Books,
  model: UsageModel,
  teams: ReadonlyMap<string, string>,
  now: Date,
): Promise<void> {
  const nameOf = new Map([...teams].map(([name, id]) => [id, name]));
  for (const table of ['usage_events', 'usage_keys']) {
    const { rows } = await books.pool.query<{ id: string; key: string }>(
      `select team_id as id, idempotency_key as key from tagih.${table}`,
    );
    const names = rows.map(({ id, key }) => `${nameOf.get(id)} ${key}`);
    expect(names.toSorted()).toEqual([...model.kept.keys()].toSorted());
  }

  for (const [team, limit] of Object.entries(LIMITS)) {
    const teamId = teams.get(team) ?? '';
    for (const month of [...months, '2031-03']) {
      const period = parsePeriod(month, 'Asia/Jakarta');
      if (period === undefined || period.start > now) continue;
      const { totals, days, groups = [] } = await books.billing.usage(teamId, period, 'model');
      const used = model.used(team, month);
      const over = team === 'pro' ? Math.max(0, used - limit) : 0;
      expect(totals).toMatchObject({ usedTokens: used, tokenLimit: limit, overageCost: over });
      const kept = [...model.kept.values()].filter(
        (one) => one.op.team === team && one.month === month,
      );
      const sumBy = (nameOf: (one: (typeof kept)[number]) => string) => {
        const sums = new Map<string, number>();
        for (const one of kept) sums.set(nameOf(one), (sums.get(nameOf(one)) ?? 0) + one.op.tokens);
        return sums;
      };
      expect(new Map(days.map(({ day, tokens }) => [day, tokens]))).toEqual(
        sumBy(({ day }) => day),
      );
      const byModel = sumBy(({ op }) => op.model ?? '(none)');
      if (byModel.get('(none)') === 0) byModel.delete('(none)');
      expect(new Map(groups.map(({ key, tokens }) => [key, tokens]))).toEqual(byModel);
      const { rows } = await books.pool.query<{ tokens: number }>(
        `select coalesce(sum(tokens), 0)::bigint as tokens from tagih.usage_late
          where team_id = $1 and period = $2`,
        [teamId, month],
      );
      expect(rows).toEqual([
        {
          tokens: model.sum((one) => kept.includes(one) && one.billedIn !== one.month),
        },
      ]);
    }
    const { rows: mails } = await books.pool.query<{ mail: string }>(
      `select kind || ' ' || cause as mail from tagih.emails where team_id = $1`,
      [teamId],
    );
    const sent = mails.map(({ mail }) => `${team} ${mail}`);
    for (const mail of sent) expect(model.allowed).toContain(mail);
    for (const mail of model.due) if (mail.startsWith(team)) expect(sent).toContain(mail);
    const { rowCount: lines } = await books.pool.query(
      `select from tagih.timeline where team_id = $1 and kind = 'usage_corrected'`,
      [teamId],
    );
    const corrected = [...model.kept.values()].filter(
      ({ op }) => op.team === team && op.corrects !== null,
    );
    expect(lines).toBe(corrected.length);
  }
}

test('usage in any order, repeated, corrected, late and in batches is what a model says (R9 to R14, R38)', async () => {
  await fc.assert(
    fc.asyncProperty(
      stories,
      fc.array(steps, { minLength: 10, maxLength: 40 }),
      async (told, sequence) => {
        const books = await openBooks();
        try {
          await inTurn(books, told, sequence);
        } finally {
          await books.shut();
        }
      },
    ),
    { numRuns: 10, interruptAfterTimeLimit: 25_000, markInterruptAsFailure: false },
  );
});
