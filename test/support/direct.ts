import { setTimeout } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/activity';
import Stripe from 'stripe';
import { type Activities, createActivities } from '../../activities/index.js';
import { deleteFacts } from '../../src/db/outbox.js';
import type { Pool } from '../../src/db/pool.js';
import { findTeam, putTeam } from '../../src/db/teams.js';
import { type Call, callsOf, nextDueAt } from '../../src/domain/calls.js';
import type { DunningPolicy } from '../../src/domain/dunning.js';
import type { Instant } from '../../src/domain/instant.js';
import type { PlanId } from '../../src/domain/plans.js';
import { reduce } from '../../src/domain/reduce.js';
import { refusal } from '../../src/domain/refusal.js';
import {
  type Act,
  type Effect,
  type Fact,
  type Hint,
  newTeam,
  type TeamState,
} from '../../src/domain/team.js';
import { stripeEventWorkflowId, subscriptionWorkflowId } from '../../src/domain/workflowIds.js';
import { createPostmark } from '../../src/email/postmark.js';
import { BillingService } from '../../src/services/billingService.js';
import { EventRecorder } from '../../src/services/eventRecorder.js';
import { PlanService } from '../../src/services/planService.js';
import { enqueueResync } from '../../src/services/resync.js';
import { TeamService } from '../../src/services/teamService.js';
import { UsageRecorder } from '../../src/services/usageRecorder.js';
import { StripeUnavailable } from '../../src/stripe/errors.js';
import { readEvent } from '../../src/stripe/events.js';
import { DirectCalls } from './directCalls.js';
import { priceIds, prices, type StripeSide } from './stripeSide.js';

const SECRET = 'whsec_test';
const ZONE = 'Asia/Jakarta';

/** A turn of the team: what it was given, and what came of it. */
export interface Turn {
  before: TeamState;
  facts: Fact[];
  now: Instant;
  after: TeamState;
  effects: Effect[];
}

/** Looks on. */
export interface Watch {
  turned(turn: Turn): Promise<void>;
  /** A call reaches Stripe when `make` does. */
  making<T>(call: Call, make: () => Promise<T>): Promise<T>;
}

/** A call as it was asked for, and its answer from when it has reached Stripe until the team hears of it. */
interface UnderWay {
  call: Call;
  answer: Fact | null;
}

/**
 * One team without Temporal, and with all else as it is: the reducer, the activities, the webhook's own
 * reading and recording of events, the ledger, and the sandbox at the wire. What the workflow
 * (workflows/subscription.ts, workflows/calls.ts) leaves to chance is for whoever drives it: when an event
 * is told, when a call reaches Stripe, and when its answer is heard.
 */
export class Direct {
  state: TeamState;
  readonly turns: Turn[] = [];
  /** On their way to the team. */
  readonly hints: Hint[] = [];
  readonly taken: Fact[] = [];
  readonly calls = new Map<string, UnderWay>();
  /** Answers of calls that were cancelled after they had reached Stripe. */
  readonly late: Fact[] = [];
  /** Answers what the team may do. */
  readonly billing: BillingService;
  watch: Watch | undefined;
  private readonly activities: Activities;
  private readonly toStripe: DirectCalls;
  private readonly recorder: EventRecorder;
  private readonly plans: PlanService;
  private readonly told = new Set<string>();

  private constructor(
    readonly teamId: string,
    private readonly pool: Pool,
    readonly side: StripeSide,
    policy: DunningPolicy,
  ) {
    this.state = newTeam(teamId, side.customerId);
    this.recorder = new EventRecorder(pool, () => {});
    this.billing = new BillingService(pool, ZONE, new UsageRecorder(pool, ZONE, []), 13);
    const teams = new TeamService(pool, this.billing);
    this.plans = new PlanService(pool, side.stripe, priceIds, prices, teams);
    this.activities = createActivities({
      pool,
      stripe: side.stripe,
      pacedStripe: side.stripe,
      postmark: createPostmark('sandbox', side.url),
      prices,
      policy,
      mailFrom: 'billing@tagih.example',
      operationsEmail: undefined,
      zone: ZONE,
      attachStatement: false,
      closeGraceMs: 0,
      retentionMonths: 13,
      stopping: new AbortController().signal,
    });
    this.toStripe = new DirectCalls(teamId, this.activities);
  }

  /** A team of the customer, of which Stripe knows nothing else. */
  static async start(pool: Pool, side: StripeSide, policy: DunningPolicy): Promise<Direct> {
    const teamId = `team_${side.customerId.slice(-8)}`;
    const stripeCustomerId = side.customerId;
    await putTeam(pool, {
      id: teamId,
      name: 'Acme',
      adminEmail: 'a@acme.example',
      stripeCustomerId,
    });
    return new Direct(teamId, pool, side, policy);
  }

  /** Events that the webhook was not told of. */
  get untold(): Stripe.Event[] {
    return this.side.events.filter(({ id }) => !this.told.has(id));
  }

  /** The webhook is told of an event, again where it was before, and the relay brings what it leads to. */
  async tell(event: Stripe.Event): Promise<void> {
    const payload = JSON.stringify(event);
    const timestamp = Math.floor(Date.now() / 1_000);
    const header = { payload, secret: SECRET, timestamp };
    const signature = Stripe.webhooks.generateTestHeaderString(header);
    await this.recorder.accept(readEvent(Buffer.from(payload), signature, [SECRET]));
    this.told.add(event.id);
    await this.relay();
  }

  /** Brings the facts that wait; an event of a dispute finds its team first (R18). */
  async relay(): Promise<void> {
    const disputes = this.side.events.map(({ id }) => stripeEventWorkflowId(id));
    for (;;) {
      const { rows } = await this.pool.query<{ id: string; workflow: string; fact: Hint }>(
        `select id, workflow_id as workflow, fact from tagih.outbox
          where workflow_id = $1 or workflow_id = any($2) order by id`,
        [subscriptionWorkflowId(this.teamId), disputes],
      );
      if (rows.length === 0) return;
      for (const { workflow, fact } of rows) {
        if (disputes.includes(workflow)) await this.activities.placeDispute(fact.id);
        else this.hints.push(fact);
      }
      await deleteFacts(
        this.pool,
        rows.map(({ id }) => Number(id)),
      );
    }
  }

  /** One turn of the workflow: what is due comes after the facts. */
  async turn(...facts: Fact[]): Promise<Turn> {
    const { state: before } = this;
    const { now } = this.side;
    const all: Fact[] = [...facts, { kind: 'due' }];
    const { refused, ...next } = reduce(before, all, now);
    const taken = facts.flatMap((fact) => (fact.kind === 'hint' ? fact.id : []));
    const turn = asJson({ ...next, at: now, taken });
    // Its answer may be lost on the way, and it is made again.
    await this.activities.saveTurn(turn);
    if (next.state.turn % 4 === 0) await this.activities.saveTurn(turn);
    this.state = turn.state;
    for (const hint of facts) {
      if (hint.kind === 'hint' && this.hints.includes(hint)) {
        this.hints.splice(this.hints.indexOf(hint), 1);
      }
    }
    this.taken.push(...facts.filter(({ kind }) => kind !== 'act'));
    const done = { before, facts: all, now, after: this.state, effects: turn.effects, refused };
    this.turns.push(done);
    this.steer();
    await this.watch?.turned(done);
    return done;
  }

  /** An operator's act, where it is let pass; null where it is not (R31). */
  async act(act: Act): Promise<Turn | null> {
    return refusal(this.state, act, this.side.now) === null ? this.turn(act) : null;
  }

  /** A call reaches Stripe; with a fault it may get no answer, and is to be made again. Whether it has one. */
  async perform(id: string, fault?: object): Promise<boolean> {
    const underWay = this.calls.get(id);
    if (underWay === undefined) throw new Error(`${id} is not under way`);
    const { call } = underWay;
    const make = async () => {
      // Not before: it is for the call, and not for who looks on.
      if (fault !== undefined) await this.side.control('POST', '/faults', fault);
      return this.toStripe.make(call);
    };
    try {
      const answer = this.watch === undefined ? make() : this.watch.making(call, make);
      underWay.answer = asJson(await answer);
      return true;
    } catch (error) {
      const isAway = error instanceof StripeUnavailable || error instanceof ApplicationFailure;
      if (fault === undefined || !isAway) throw error;
      return false;
    } finally {
      if (fault !== undefined) await this.side.control('DELETE', '/faults');
    }
  }

  /** The answer of a call that has reached Stripe. */
  answer(id: string): Fact {
    const fact = this.calls.get(id)?.answer;
    if (!fact) throw new Error(`${id} has no answer`);
    return fact;
  }

  /**
   * The host wishes for a plan, and the team hears of it while the host waits for that (R37). Throws what
   * the host is answered.
   */
  async wish(plan: PlanId): Promise<void> {
    const { side, teamId } = this;
    let isOver = false;
    const wished = this.plans
      .change({ teamId, plan, actor: 'host' }, new Date(side.now))
      .finally(() => {
        isOver = true;
      });
    // It is awaited below, whatever becomes of it meanwhile.
    wished.catch(() => {});
    for (let look = 0; !isOver; look += 1) {
      await setTimeout(10);
      await this.relay();
      if (this.hints.length > 0) await this.turn(...this.hints);
      for (const [id, { call, answer }] of this.calls) {
        if (call.kind !== 'read' || answer !== null) continue;
        await this.perform(id);
        await this.turn(this.answer(id));
      }
      // It waits for some seconds to see itself in the ledger.
      if (look % 20 === 19) await side.pass(6);
    }
    return void (await wished);
  }

  /** Temporal is lost, and the team goes on from what the ledger has: no answer is left, and each call is made anew. */
  async forget(): Promise<void> {
    const row = await findTeam(this.pool, this.teamId);
    if (row === undefined) throw new Error('the ledger has no such team');
    this.state = row.state;
    this.calls.clear();
    this.late.length = 0;
    this.steer();
  }

  /** All is told, heard, made and answered, until Stripe and the team have nothing more to say. */
  async settle(): Promise<void> {
    for (let round = 0; round < 60; round += 1) {
      await this.side.listen();
      for (const event of this.untold) await this.tell(event);
      await this.relay();
      for (const id of this.calls.keys()) {
        if (this.calls.get(id)?.answer === null) await this.perform(id);
      }
      const answers = [...this.calls.values()].flatMap(({ answer }) => answer ?? []);
      const facts = [...this.hints, ...answers, ...this.late.splice(0)];
      const due = nextDueAt(this.state);
      if (facts.length === 0 && (due === null || due > this.side.now)) return;
      await this.turn(...facts);
    }
    throw new Error('it does not settle');
  }

  /** An operator has the team read anew. */
  async resync(): Promise<void> {
    await enqueueResync(this.pool, this.teamId, new Date(this.side.now));
    await this.settle();
  }

  /** What a team would be of which nothing was known but its customer, and that is read now. */
  async anew(): Promise<TeamState> {
    const { now } = this.side;
    const hint: Hint = { kind: 'hint', id: 'anew', type: 'resync', object: null, at: now };
    const { state } = reduce(newTeam(this.teamId, this.side.customerId), [hint], now);
    const [call] = callsOf(state);
    if (call === undefined) throw new Error('nothing is read');
    return reduce(state, [await this.toStripe.make(call)], now).state;
  }

  private steer(): void {
    const wanted = callsOf(this.state);
    for (const [id, { answer }] of this.calls) {
      if (wanted.some((call) => call.id === id)) continue;
      this.calls.delete(id);
      if (answer !== null && !this.taken.includes(answer)) this.late.push(answer);
    }
    for (const call of wanted) {
      if (!this.calls.has(call.id)) this.calls.set(call.id, { call: asJson(call), answer: null });
    }
  }
}

/** As Temporal hands it on. */
function asJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}
