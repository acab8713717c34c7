import { type Call, callsOf } from '../../src/domain/calls.js';
import {
  type DunningPolicy,
  leading,
  type Stage,
  stageOf,
  teamStrike,
} from '../../src/domain/dunning.js';
import { after, type Instant } from '../../src/domain/instant.js';
import { reduce } from '../../src/domain/reduce.js';
import { refusal } from '../../src/domain/refusal.js';
import type { Strike, Subscription } from '../../src/domain/subscription.js';
import {
  type Act,
  type Effect,
  type Fact,
  type Hint,
  type Invoice,
  type MailEffect,
  newTeam,
  type OperatorAction,
  type Outcome,
  type PlanPeriod,
  type TeamState,
  type TimelineEntry,
  type Truth,
} from '../../src/domain/team.js';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

export const policy: DunningPolicy = {
  intervals: [3 * DAY, 5 * DAY],
  confirmationWindow: 23 * HOUR,
  retries: 'tagih',
  looks: true,
  keepsCards: true,
};

/** As with `DUNNING_RETRIES=stripe`. */
export const stripeRetries: DunningPolicy = { ...policy, retries: 'stripe' };

/** The instant so many days and hours, also fractions of them, after the stories begin. */
export function day(days: number, hours = 0): Instant {
  return after('2026-11-01T00:00:00.000Z', Math.round(days * DAY + hours * HOUR));
}

export function subscription(of: Partial<Subscription> = {}): Subscription {
  return {
    id: 'sub_1',
    customerId: 'cus_1',
    status: 'active',
    priceId: 'price_pro',
    plan: 'pro',
    startedAt: day(-60),
    endedAt: null,
    currentPeriodEnd: day(30),
    cancelAt: null,
    ...of,
  };
}

/** A renewal's invoice, open. */
export function renewal(of: Partial<Invoice> = {}): Invoice {
  return {
    id: 'in_1',
    status: 'open',
    subscriptionId: 'sub_1',
    origin: 'subscription',
    amountDue: 29_900_000,
    needsConfirmation: false,
    failures: [],
    ...of,
  };
}

/** A renewal whose attempts failed at these instants: charges `<invoice>_ch_1`, `_2`, … */
export function unpaid(id: string, ...failedAt: Instant[]): Invoice {
  return renewal({
    id,
    failures: failedAt.map((at, i) => ({ id: `${id}_ch_${i + 1}`, at, paymentMethodId: 'pm_1' })),
  });
}

export function declined(failureId: string, paymentMethodId = 'pm_1'): Outcome {
  return { kind: 'declined', failureId, paymentMethodId };
}

export function hint(of: Partial<Hint> = {}): Hint {
  return { kind: 'hint', id: 'evt', type: 'customer.updated', object: null, at: day(0), ...of };
}

export function operatorAct(of: Partial<Act>): Act {
  return {
    kind: 'act',
    id: 'act',
    action: 'resync',
    actor: 'budi',
    reason: 'asked for',
    invoiceId: null,
    apart: true,
    ...of,
  };
}

/** Given, when and then of one team: facts go in through `reduce`; what comes out is kept. */
export class Story {
  state: TeamState = newTeam('acme', 'cus_1');
  truth: Truth = {
    customerId: 'cus_1',
    subscriptions: [],
    invoices: [],
    defaultPaymentMethodIds: ['pm_1'],
    policy,
  };
  mails: MailEffect[] = [];
  timeline: TimelineEntry[] = [];
  planPeriods: PlanPeriod[] = [];
  private facts = 0;

  take(now: Instant, ...facts: Fact[]): Effect[] {
    const { state, effects } = reduce(this.state, facts, now);
    this.state = state;
    for (const effect of effects) {
      if (effect.kind === 'mail') this.mails.push(effect);
      else if (effect.kind === 'timeline') this.timeline.push(effect.entry);
      else if (effect.kind === 'plan_period') this.writePlan(effect.period, effect.movedFrom);
    }
    return effects;
  }

  private writePlan(period: PlanPeriod, movedFrom?: Instant): void {
    const { subscriptionId, plan } = period;
    this.planPeriods = this.planPeriods.filter(
      (past) =>
        past.startsAt !== movedFrom || past.plan !== plan || past.subscriptionId !== subscriptionId,
    );
    this.planPeriods.push(period);
  }

  /** Stripe changes, says so in an event of this type that names an object, and is read. */
  sees(now: Instant, change: Partial<Truth>, of: Partial<Hint> = {}): Effect[] {
    this.truth = { ...this.truth, ...change };
    this.facts += 1;
    this.take(now, hint({ id: `evt_${this.facts}`, at: now, ...of }));
    return this.reads(now);
  }

  /** The reading under way is answered. */
  reads(now: Instant): Effect[] {
    const { reading } = this.state;
    if (reading === null) throw new Error('nothing is being read');
    return this.take(now, { kind: 'read', number: reading.number, truth: this.truth });
  }

  /** What is due is done, after a look at Stripe where it takes one. */
  reaches(now: Instant): Effect[] {
    const effects = this.take(now, { kind: 'due' });
    if (this.state.reading?.cause !== 'timer') return effects;
    return [...effects, ...this.reads(now), ...this.take(now, { kind: 'due' })];
  }

  /** The attempt under way, of the only invoice unless one is named, ends. */
  tried(now: Instant, outcome: Outcome, invoiceId = 'in_1'): Effect[] {
    const number = this.attempt(invoiceId)?.number;
    if (number === undefined) throw new Error(`no attempt of ${invoiceId} is under way`);
    return this.take(now, { kind: 'attempted', invoiceId, number, outcome });
  }

  /** The timer fires and the attempt is declined. */
  fails(now: Instant, invoiceId = 'in_1'): Effect[] {
    this.reaches(now);
    return this.tried(now, declined(`ch_${now}`), invoiceId);
  }

  acts(now: Instant, action: OperatorAction, of: Partial<Act> = {}): Effect[] {
    this.facts += 1;
    const act = operatorAct({ id: `act_${this.facts}`, action, ...of });
    const refused = refusal(this.state, act, now);
    if (refused !== null) throw new Error(refused.code);
    return this.take(now, act);
  }

  /** Why an act would be refused now. */
  refuses(now: Instant, action: OperatorAction, of: Partial<Act> = {}): string | undefined {
    return refusal(this.state, operatorAct({ action, ...of }), now)?.code;
  }

  ladder(invoiceId = 'in_1') {
    return this.state.ladders.find((ladder) => ladder.invoiceId === invoiceId);
  }

  attempt(invoiceId = 'in_1') {
    return this.ladder(invoiceId)?.attempt ?? null;
  }

  stage(invoiceId = 'in_1'): Stage {
    const ladder = this.ladder(invoiceId);
    return ladder === undefined ? 'none' : stageOf(ladder);
  }

  get strike(): Strike {
    return teamStrike(this.state.ladders);
  }

  get shown(): string | undefined {
    return leading(this.state.ladders)?.invoiceId;
  }

  get sent(): MailEffect['mail'][] {
    return this.mails.map(({ mail }) => mail);
  }

  /** What is under way at Stripe. */
  get calls(): Call['kind'][] {
    return callsOf(this.state).map(({ kind }) => kind);
  }

  noted(kind: string): TimelineEntry[] {
    return this.timeline.filter((entry) => entry.kind === kind);
  }

  /** The strikes on the timeline, in order. */
  strikes() {
    return this.noted('strike').map(({ details }) => details.strike);
  }

  /** The lines of the timeline on one failed attempt. */
  failuresNoted(failureId: string): TimelineEntry[] {
    return this.noted('payment_attempt_failed').filter(
      ({ details }) => details.failureId === failureId,
    );
  }
}

/** A team that has been on Pro, and paid, for two months. */
export function onPro(under: DunningPolicy = policy): Story {
  const team = new Story();
  team.truth = { ...team.truth, policy: under };
  team.sees(day(-60), { subscriptions: [subscription()] });
  return team;
}

/** A team on Pro whose renewal `in_1` stands at this stage: strike n is entered at days 0, 3 and 8. */
export function at(stage: Stage): Story {
  const team = onPro();
  if (stage === 'none') return team;
  if (stage === 'confirming') {
    team.sees(day(0), { invoices: [renewal({ needsConfirmation: true })] });
    return team;
  }
  team.sees(day(0), { invoices: [unpaid('in_1', day(0))] });
  if (stage === 'strike 1') return team;
  team.fails(day(3));
  if (stage === 'strike 2') return team;
  team.fails(day(8));
  return team;
}
