import { setTimeout } from 'node:timers/promises';
import type Stripe from 'stripe';
import { enqueue } from '../db/outbox.js';
import {
  abandonPlanChange,
  claimPlanChange,
  endPlanChange,
  type PlanChangeOutcome,
  releasePlanChange,
  renewPlanChange,
} from '../db/planChanges.js';
import { type Pool, transaction } from '../db/pool.js';
import { insertTimelineEntry } from '../db/timeline.js';
import { nextStep, type Step } from '../domain/planChange.js';
import type { PlanId } from '../domain/plans.js';
import { holdsPlan, type Subscription, subscriptionStatus } from '../domain/subscription.js';
import { subscriptionWorkflowId } from '../domain/workflowIds.js';
import { StripeRefused, StripeUnavailable } from '../stripe/errors.js';
import { type PlanStanding, readStanding, takeStep } from '../stripe/planChanges.js';
import type { PriceIds } from '../stripe/prices.js';
import type { PlanPrices } from '../stripe/truth.js';
import { knownTeam } from './knownTeam.js';
import { customerOf } from './stripePages.js';
import type { Team, TeamService } from './teamService.js';

/** The team has no subscription whose plan could change. */
export class NotSubscribed extends Error {
  override name = 'NotSubscribed';
}

/** The subscription sells something that is no plan: what would be more or less is not known (R37). */
export class UnknownPrice extends Error {
  override name = 'UnknownPrice';
}

/** Another request is changing the team's plan at this moment. */
export class PlanChangeUnderWay extends Error {
  override name = 'PlanChangeUnderWay';
}

/** The larger plan begins as soon as its invoice is paid. */
export class PaymentRequired extends Error {
  override name = 'PaymentRequired';
  constructor(
    plan: PlanId,
    readonly hostedInvoiceUrl: string | null,
  ) {
    const where = hostedInvoiceUrl === null ? '' : ` at ${hostedInvoiceUrl}`;
    super(`The plan becomes ${plan} when its invoice is paid${where}.`);
  }
}

/** More than any way from one plan to another takes, with a change by somebody else in between. */
const MOST_ROUNDS = 12;

/** How long a caller waits for the change to be in Postgres, and how often it is looked for. */
const SHOWN_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 50;

/** What the timeline says of a change that was not made; of one that was, its effects. */
const told = {
  payment_required: 'begins when its invoice is paid',
  refused: 'is refused by Stripe',
} satisfies Partial<Record<PlanChangeOutcome, string>>;

/** Who asks for which plan of a team. */
interface Wish {
  teamId: string;
  plan: PlanId;
  actor: string;
}

/** Changes the plan of subscribed teams at Stripe; the team's workflow hears of it as of any other change. */
export class PlanService {
  constructor(
    private readonly pool: Pool,
    private readonly stripe: Stripe,
    private readonly priceIds: PriceIds,
    private readonly prices: PlanPrices,
    private readonly teams: TeamService,
  ) {}

  /**
   * Changes the plan: a larger one at once, a smaller one and the end with the end of the period, and
   * the current one undoes what was to come. What a crash left half made is made by the next request.
   * Gives the team as it is then, by Stripe's word where the ledger has not heard of it within some
   * seconds. Throws `UnknownTeam`, `NotSubscribed`, `UnknownPrice`, `PlanChangeUnderWay`, `PaymentRequired`,
   * `StripeUnavailable` and `StripeRefused`.
   */
  async change(wish: Wish, now: Date): Promise<Team> {
    const standing = await this.converge(wish, now);
    const { subscription, upgrade, clock } = standing;
    const outcome = upgrade === null ? 'made' : 'payment_required';
    await this.end(wish, outcome, now, { id: subscription.id, at: clock ?? now.toISOString() });
    if (upgrade !== null) throw new PaymentRequired(wish.plan, upgrade.hostedInvoiceUrl);
    return this.shown(wish.teamId, subscription);
  }

  /** Takes step after step, looking in between, until none is left. */
  private async converge(wish: Wish, now: Date): Promise<PlanStanding> {
    const { teamId, plan } = wish;
    let number: number | undefined;
    let last: { step: Step; refused?: StripeRefused } | undefined;
    try {
      for (let round = 0; round < MOST_ROUNDS; round += 1) {
        const standing = await this.read(teamId);
        const step = nextStep(standing, plan);
        if (step === null) return standing;
        if (number === undefined) {
          // What was read before the claim may have changed until it.
          number = await this.claim(wish, standing.subscription, now);
          continue;
        }
        const isRepeated = last?.step === step;
        if (isRepeated && last?.refused !== undefined) throw last.refused;
        // A step that has changed nothing was answered from what Stripe keeps under its key.
        number = await this.renew(teamId, number, isRepeated ? number + 1 : number);
        last = await this.take(standing, step, plan, `tagih:plan:${teamId}:${number}:${step}`);
      }
      throw new StripeUnavailable('the change of plan does not come to rest');
    } catch (error) {
      if (number === undefined || error instanceof PlanChangeUnderWay) throw error;
      if (error instanceof StripeRefused) await this.end(wish, 'refused', now);
      else await releasePlanChange(this.pool, teamId, number);
      throw error;
    }
  }

  private async take(
    standing: PlanStanding,
    step: Step,
    plan: PlanId,
    key: string,
  ): Promise<{ step: Step; refused?: StripeRefused }> {
    const price = plan === 'free' ? standing.item.price.id : this.priceIds[plan];
    try {
      await takeStep(this.stripe, standing, step, price, key);
      return { step };
    } catch (error) {
      // It may have been overtaken: paid, ended or changed by somebody else.
      if (error instanceof StripeRefused) return { step, refused: error };
      throw error;
    }
  }

  private async read(teamId: string): Promise<PlanStanding> {
    const customer = customerOf(await knownTeam(this.pool, teamId));
    const standing =
      customer === null ? undefined : await readStanding(this.stripe, customer, this.prices);
    if (standing === undefined || !holdsPlan(standing.subscription.status)) {
      throw new NotSubscribed('The team has no subscription that holds a plan.');
    }
    if (standing.subscription.plan === null) {
      throw new UnknownPrice(`R37: no plan has the price ${standing.subscription.priceId}.`);
    }
    return standing;
  }

  /** Commits what is going to be done (R35), and that it was asked for. */
  private async claim(
    { teamId, plan: to, actor }: Wish,
    { id: subscriptionId, plan }: Subscription,
    now: Date,
  ): Promise<number> {
    const from = plan ?? 'free';
    return transaction(this.pool, async (db) => {
      const claimed = await claimPlanChange(db, { teamId, subscriptionId, from, to }, now);
      if (claimed === undefined) throw new PlanChangeUnderWay('The plan of the team is changing.');
      const { number, isNew } = claimed;
      if (isNew) {
        await insertTimelineEntry(db, teamId, now, {
          kind: 'plan_change_requested',
          summary: `${actor} asks for ${to}`,
          cause: `plan:${teamId}:${number}`,
          actor,
          details: { subscriptionId, from, to },
        });
      }
      return number;
    });
  }

  private async renew(teamId: string, number: number, next: number): Promise<number> {
    if (await renewPlanChange(this.pool, teamId, number, next)) return next;
    throw new PlanChangeUnderWay('Another request has taken over the change of plan.');
  }

  /** Ends the change, where one was begun, and has the subscription read that it was about. */
  private async end(
    { teamId, plan }: Wish,
    outcome: 'made' | keyof typeof told,
    now: Date,
    changed?: { id: string; at: string },
  ): Promise<void> {
    await transaction(this.pool, async (db) => {
      if (changed !== undefined) {
        const change = { teamId, subscriptionId: changed.id, to: plan };
        await abandonPlanChange(db, change, now);
      }
      const number = await endPlanChange(db, teamId, plan, outcome, now);
      if (number === undefined) return;
      const cause = `plan:${teamId}:${number}`;
      if (outcome !== 'made') {
        await insertTimelineEntry(db, teamId, now, {
          kind: `plan_change_${outcome}`,
          summary: `The change to ${plan} ${told[outcome]}`,
          cause,
          actor: 'stripe',
          details: { to: plan },
        });
      }
      if (changed === undefined) return;
      await enqueue(db, subscriptionWorkflowId(teamId), {
        kind: 'hint',
        id: cause,
        type: 'customer.subscription.updated',
        object: changed.id,
        at: changed.at,
      });
    });
  }

  /** The team once the ledger says what Stripe does; after some seconds, with Stripe's word in its place. */
  private async shown(teamId: string, subscription: Subscription): Promise<Team> {
    const deadline = Date.now() + SHOWN_WITHIN_MS;
    for (;;) {
      const team = await this.teams.get(teamId, new Date());
      if (isSame(team.row.state.subscription, subscription)) return team;
      if (Date.now() > deadline) return withSubscription(team, subscription);
      await setTimeout(LOOK_EVERY_MS);
    }
  }
}

function isSame(known: Subscription | null, { id, plan, cancelAt, pendingPlan }: Subscription) {
  return (
    known?.id === id &&
    known.plan === plan &&
    known.cancelAt === cancelAt &&
    known.pendingPlan?.plan === pendingPlan?.plan &&
    known.pendingPlan?.at === pendingPlan?.at
  );
}

function withSubscription(team: Team, subscription: Subscription): Team {
  const { row } = team;
  const state = { ...row.state, subscription };
  const status = subscriptionStatus(subscription, row.strike);
  const tier = subscription.plan ?? row.tier;
  return { ...team, row: { ...row, state, tier, subscriptionStatus: status } };
}
