import fc from 'fast-check';
import { callsOf } from '../../src/domain/calls.js';
import type { DunningPolicy } from '../../src/domain/dunning.js';
import { reduce } from '../../src/domain/reduce.js';
import { refusal } from '../../src/domain/refusal.js';
import {
  type Effect,
  type Fact,
  newTeam,
  type OperatorAction,
  type TeamState,
} from '../../src/domain/team.js';
import { day, operatorAct } from './given.js';
import { type Change, World } from './world.js';

/** A turn of the team: what it was given, and what came of it. */
export interface Turn {
  before: TeamState;
  fact: Fact;
  now: string;
  after: TeamState;
  effects: Effect[];
}

export interface Step {
  kind: Change | OperatorAction | 'hear' | 'perform' | 'answer' | 'repeat' | 'wait';
  /** Picks, where there is a choice. */
  n: number;
}

/** A team beside a moving Stripe, where facts come late, twice, in any order, or never. */
export class Walk {
  readonly turns: Turn[] = [];
  readonly world: World;
  state = newTeam('acme', 'cus_1');
  /** What reached Stripe and has not been answered yet. */
  private readonly performed = new Map<string, Fact>();
  private readonly taken: Fact[] = [];

  constructor(policy: DunningPolicy) {
    this.world = new World(policy);
  }

  step({ kind, n }: Step): void {
    const { world } = this;
    switch (kind) {
      case 'hear': {
        const event = pick(
          world.events.filter((one) => !this.taken.includes(one)),
          n,
        );
        return this.take(event);
      }
      case 'perform': {
        const calls = callsOf(this.state).filter(({ id }) => !this.performed.has(id));
        const call = pick(calls, n);
        if (call !== undefined) this.performed.set(call.id, world.perform(call, n));
        return;
      }
      case 'answer': {
        const [id, fact] = pick([...this.performed], n) ?? [];
        if (id !== undefined) this.performed.delete(id);
        return this.take(fact);
      }
      case 'repeat':
        return this.take(pick(this.taken, n));
      case 'wait':
        world.hours += n % 96;
        return this.take({ kind: 'due' });
      case 'retryPayment':
      case 'extendGrace':
      case 'pauseDunning':
      case 'resumeDunning':
      case 'waive':
      case 'resync':
        return this.act(kind, n);
      default:
        return world.change(kind, n);
    }
  }

  /** All is heard and answered, until Stripe and the team have no more to say to each other. */
  settle(): void {
    for (let round = 0; round < 100; round += 1) {
      for (const event of this.world.events) this.take(event);
      const calls = callsOf(this.state);
      if (calls.length === 0) return;
      for (const call of calls) {
        this.take(this.performed.get(call.id) ?? this.world.perform(call, 7));
        this.performed.delete(call.id);
      }
    }
    throw new Error('it does not settle');
  }

  private act(action: OperatorAction, n: number): void {
    const invoiceId = pick([null, ...this.state.ladders.map((l) => l.invoiceId)], n) ?? null;
    const until = action === 'extendGrace' && day(0, this.world.hours + (n % 200));
    const id = `act_${this.turns.length}`;
    const act = operatorAct({ id, action, invoiceId, ...(until && { until }) });
    if (refusal(this.state, act, this.world.now) === null) this.take(act);
  }

  private take(fact: Fact | undefined): void {
    if (fact === undefined) return;
    const { state: before } = this;
    const { now } = this.world;
    const { state, effects } = reduce(before, [fact], now);
    this.state = JSON.parse(JSON.stringify(state));
    this.turns.push({ before, fact, now, after: this.state, effects });
    this.taken.push(fact);
  }
}

function pick<T>(from: readonly T[], n: number): T | undefined {
  return from[n % from.length];
}

const weights: Record<Step['kind'], number> = {
  subscribe: 2,
  'change plan': 1,
  'pause or resume': 1,
  cancel: 1,
  'renewal fails': 6,
  'renewal needs confirmation': 2,
  'stripe retries': 4,
  'stripe retries and the bank asks': 2,
  'stripe counts on': 1,
  'customer tries a card': 3,
  'customer pays': 1,
  void: 1,
  'write off': 1,
  'new default card': 3,
  'attach a card': 3,
  hear: 30,
  perform: 40,
  answer: 40,
  repeat: 15,
  wait: 30,
  retryPayment: 3,
  extendGrace: 2,
  pauseDunning: 2,
  resumeDunning: 2,
  waive: 1,
  resync: 2,
};

/** Long walks in which ladders are climbed to their end now and then. */
export const steps: fc.Arbitrary<Step[]> = fc.noBias(
  fc.array(
    fc.record({
      kind: fc.oneof(
        ...(Object.keys(weights) as Step['kind'][]).map((kind) => ({
          weight: weights[kind],
          arbitrary: fc.constant(kind),
        })),
      ),
      n: fc.nat({ max: 10_000 }),
    }),
    { maxLength: 300, size: 'max' },
  ),
);
