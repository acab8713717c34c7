import fc from 'fast-check';
import { test } from 'vitest';
import { after } from '../../src/domain/instant.js';
import type { OperatorAction } from '../../src/domain/team.js';
import { NotSubscribed, PaymentRequired, UnknownPrice } from '../../src/services/planService.js';
import { StripeRefused } from '../../src/stripe/errors.js';
import { arrive } from '../support/arrive.js';
import { Direct } from '../support/direct.js';
import { directLedger, policy } from '../support/directLedger.js';
import { Promises } from '../support/promises.js';
import { change, pick, type StripeChange, stripeChanges } from '../support/stripeChanges.js';
import { StripeSide } from '../support/stripeSide.js';

/** As many walks as the suite has time for; a search: `WALKS=2000 npx vitest run test/scenarios/walks.test.ts`. */
const RUNS = Number(process.env.WALKS ?? 14);

const policies = (['tagih', 'stripe'] as const).map((retries) => ({ ...policy, retries }));

/** What Stripe, or the way to it, may do to one request of a call. */
const FAULTS: readonly object[] = [
  { kind: 'error', status: 503 },
  { kind: 'error', status: 429 },
  { kind: 'reset' },
  { kind: 'reset', after: true },
  { kind: 'error', status: 500, stored: true, method: 'POST' },
  { kind: 'error', status: 500, stored: true, after: true, method: 'POST' },
  { kind: 'error', status: 500, after: true, method: 'POST' },
];

/** What a host may be answered that wishes for a plan. */
const ANSWERS = [NotSubscribed, UnknownPrice, PaymentRequired, StripeRefused];

type Kind =
  | StripeChange
  | OperatorAction
  | 'is told'
  | 'is told again'
  | 'hears'
  | 'hears again'
  | 'makes a call'
  | 'makes a call that fails'
  | 'hears an answer'
  | 'hears all'
  | 'loses an answer'
  | 'loses Temporal'
  | 'catches up'
  | 'host wishes a plan';

interface Step {
  kind: Kind;
  /** Picks, where there is a choice. */
  n: number;
}

const weights: Record<Kind, number> = {
  subscribes: 2,
  'begins a trial': 2,
  'extends the trial': 1,
  'buys support': 0.3,
  'period ends': 5,
  'card is another one': 8,
  'card is exchanged by its network': 2,
  'card is added': 2,
  'cards are removed': 0.5,
  'customer pays on the page': 1.5,
  'customer answers the bank': 2,
  'is paid out of band': 0.3,
  'is made void': 0.3,
  'is written off': 0.3,
  'is cancelled now': 0.4,
  'is to end with the period': 1,
  'is to go on': 1,
  'plan is changed in the portal': 2,
  'plan is kept in the portal': 0.5,
  'is taken up again': 1,
  'collection is paused': 0.7,
  'collection goes on': 0.7,
  'a charge is refunded': 0.7,
  'a charge is disputed': 0.5,
  'a dispute ends': 0.5,
  'keys are forgotten': 0.5,
  'hours pass': 5,
  'days pass': 9,
  retryPayment: 2,
  extendGrace: 1,
  pauseDunning: 1,
  resumeDunning: 1.5,
  waive: 0.5,
  resync: 1,
  'is told': 12,
  'is told again': 2,
  hears: 14,
  'hears again': 3,
  'makes a call': 22,
  'makes a call that fails': 5,
  'hears an answer': 22,
  'hears all': 6,
  'loses an answer': 2,
  'loses Temporal': 0.7,
  'catches up': 5,
  'host wishes a plan': 1,
};

const steps: fc.Arbitrary<Step[]> = fc.noBias(
  fc.array(
    fc.record({
      kind: fc.oneof(
        ...(Object.keys(weights) as Kind[]).map((kind) => ({
          weight: Math.round(weights[kind] * 10),
          arbitrary: fc.constant(kind),
        })),
      ),
      n: fc.nat({ max: 10_000 }),
    }),
    { maxLength: 120, size: 'max' },
  ),
);

const ledger = directLedger();

/** A team that walks: what it is told and what it does comes in any order, while Stripe moves underneath. */
class Walk {
  readonly promises: Promises;

  constructor(readonly team: Direct) {
    this.promises = new Promises(ledger.pool, team);
  }

  async step({ kind, n }: Step): Promise<void> {
    const { team } = this;
    if (kind in stripeChanges) {
      // Whole seconds are all that Stripe tells of time: some things happen in the same one.
      if (n % 3 > 0) await team.side.pass(n % 90);
      await change(team.side, kind as StripeChange, n);
    } else await this.move(kind as Exclude<Kind, StripeChange>, n);
    await team.side.listen();
    this.promises.afterStripe();
  }

  private async move(kind: Exclude<Kind, StripeChange>, n: number): Promise<unknown> {
    const { team } = this;
    const made = [...team.calls].filter(([, { answer }]) => answer !== null).map(([id]) => id);
    const unmade = [...team.calls].filter(([, { answer }]) => answer === null).map(([id]) => id);
    switch (kind) {
      case 'is told':
        for (let more = 1 + (n % 4); more > 0; more -= 1) {
          const event = pick(team.untold, n + more);
          if (event !== undefined) await team.tell(event);
        }
        return;
      case 'is told again': {
        const event = pick(team.side.events, n);
        if (event !== undefined) await team.tell(event);
        return;
      }
      case 'hears': {
        const first = team.hints.length > 0 ? n % team.hints.length : 0;
        const some = team.hints.slice(first, first + 1 + (n % 5));
        return team.turn(...(n % 2 === 0 ? some : some.toReversed()));
      }
      case 'hears again': {
        const fact = pick(team.taken, n);
        return team.turn(...(fact === undefined ? [] : [fact]));
      }
      case 'makes a call': {
        const id = pick(unmade, n);
        if (id !== undefined) await team.perform(id);
        return;
      }
      case 'makes a call that fails': {
        const id = pick(unmade, n);
        const fault = { path: id?.startsWith('attempt') && n % 3 > 0 ? '/pay$' : '', times: 1 };
        if (id !== undefined) await team.perform(id, { ...fault, ...pick(FAULTS, n) });
        return;
      }
      case 'hears an answer': {
        const answers = [...made.map((id) => team.answer(id)), ...team.late];
        const answer = pick(answers, n);
        if (answer === undefined) return team.turn();
        if (team.late.includes(answer)) team.late.splice(team.late.indexOf(answer), 1);
        return team.turn(answer, ...team.hints.slice(0, n % 3));
      }
      case 'hears all': {
        const answers = [...made.map((id) => team.answer(id)), ...team.late.splice(0)];
        const { hints } = team;
        return team.turn(...(n % 2 === 0 ? [...hints, ...answers] : [...answers, ...hints]));
      }
      case 'loses an answer': {
        const underWay = team.calls.get(pick(made, n) ?? '');
        if (underWay !== undefined) underWay.answer = null;
        team.late.splice(0, 1);
        return;
      }
      case 'loses Temporal':
        return team.forget();
      case 'catches up':
        return team.settle();
      case 'host wishes a plan':
        return team.wish(pick(['free', 'pro', 'enterprise'], n) ?? 'pro').catch((error) => {
          if (!ANSWERS.some((answer) => error instanceof answer)) throw error;
        });
      default:
        return this.act(kind, n);
    }
  }

  private act(action: OperatorAction, n: number): Promise<unknown> {
    const { team } = this;
    const { now } = team.side;
    const invoices = team.state.ladders.map(({ invoiceId }) => invoiceId);
    return team.act({
      kind: 'act',
      id: `act_${team.turns.length}`,
      action,
      actor: 'budi',
      reason: 'asked for',
      invoiceId: pick([null, ...invoices], n) ?? null,
      apart: true,
      ...(action === 'extendGrace' && { until: after(now, (n % 300) * 3_600_000) }),
    });
  }
}

test('R16 to R31: whatever order facts come in, and whatever fails, what the ledger and Stripe have keeps the rules', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...policies), steps, async (policy, all) => {
      const side = await StripeSide.start();
      try {
        const team = await Direct.start(ledger.pool, side, policy);
        const walk = new Walk(team);
        await change(side, 'subscribes', 1);
        for (const step of all) await walk.step(step);
        await arrive(team);
        walk.promises.afterStripe();
      } finally {
        await side.close();
      }
    }),
    { numRuns: RUNS },
  );
}, 86_400_000);
