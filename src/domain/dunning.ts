import { after, type Instant } from './instant.js';
import type { Strike } from './subscription.js';

/** Where an unpaid invoice stands. `confirming`: the payment waits for the customer, no ladder yet (R27). */
export type Stage = 'none' | 'confirming' | 'strike 1' | 'strike 2' | 'strike 3';

/**
 * What can happen to an unpaid invoice. `failed`: a scheduled attempt failed (R23), or nobody
 * confirmed in time (R27). `refused`: a try of the customer's or an operator's failed, no strike.
 * `closed`: void, written off, waived, or the subscription cancelled (R26).
 */
export type Happening = 'failed' | 'refused' | 'confirmation_needed' | 'paid' | 'closed';

export type DunningMail =
  | 'payment-warning'
  | 'payment-critical'
  | 'account-locked'
  | 'payment-recovered'
  | 'payment-action-required';

interface Step {
  to: Stage;
  /** Sent when the team's own strike rises with this step, or falls to none (R25, R26). */
  mail?: DunningMail;
}

/** The ladder (R22, R26, R27): a stage and what happens, to the next stage and its mail. */
export const ladderTable: Readonly<Record<Stage, Readonly<Record<Happening, Step>>>> = {
  none: {
    failed: { to: 'strike 1', mail: 'payment-warning' },
    refused: { to: 'strike 1', mail: 'payment-warning' },
    confirmation_needed: { to: 'confirming', mail: 'payment-action-required' },
    paid: { to: 'none' },
    closed: { to: 'none' },
  },
  confirming: {
    failed: { to: 'strike 1', mail: 'payment-warning' },
    refused: { to: 'strike 1', mail: 'payment-warning' },
    confirmation_needed: { to: 'confirming' },
    paid: { to: 'none' },
    closed: { to: 'none' },
  },
  'strike 1': {
    failed: { to: 'strike 2', mail: 'payment-critical' },
    refused: { to: 'strike 1' },
    confirmation_needed: { to: 'strike 1', mail: 'payment-action-required' },
    paid: { to: 'none', mail: 'payment-recovered' },
    closed: { to: 'none' },
  },
  'strike 2': {
    failed: { to: 'strike 3', mail: 'account-locked' },
    refused: { to: 'strike 2' },
    confirmation_needed: { to: 'strike 2', mail: 'payment-action-required' },
    paid: { to: 'none', mail: 'payment-recovered' },
    closed: { to: 'none' },
  },
  'strike 3': {
    failed: { to: 'strike 3' },
    refused: { to: 'strike 3' },
    confirmation_needed: { to: 'strike 3', mail: 'payment-action-required' },
    paid: { to: 'none', mail: 'payment-recovered' },
    closed: { to: 'none' },
  },
};

/** How long the ladder waits, in milliseconds, and for whom. */
export interface DunningPolicy {
  /** From strike 1 to the next attempt, and from strike 2 to the next (R24). */
  intervals: readonly [number, number];
  /** How long a payment may wait for the customer's confirmation (R27). */
  confirmationWindow: number;
  /** Who retries (R24); absent, as in ladders of before: we do. */
  retries?: 'tagih' | 'stripe';
  /**
   * Whether Stripe is read before a wait for the customer ends in a strike, and our attempts rest while
   * one lasts. Absent from ladders of before, whose histories must replay.
   */
  looks?: true;
  /** Whether a card that comes before the first strike is kept until then. Absent from ladders of before. */
  keepsCards?: true;
}

/** A payment attempt under way. Its number, with the invoice, is the key at Stripe (R35). */
export interface Attempt {
  number: number;
  by: 'timer' | 'card' | 'operator';
  /** The payment method to try; null: the default one. */
  paymentMethodId: string | null;
  /** What led to it: a fact's id, an operator's name. */
  cause: string;
  actor: string;
  /** When it was decided upon; absent from attempts of before. */
  startedAt?: Instant;
}

/** An unpaid invoice of the team's subscription. */
export interface Ladder {
  invoiceId: string;
  subscriptionId: string;
  /** Minor units. */
  amountDue: number;
  strike: Strike;
  /** When its first attempt failed. */
  since: Instant;
  timer: null | { at: Instant; for: 'attempt' | 'confirmation' };
  /** Who has paused it, and how long its timer has still to run (R31). */
  paused?: null | { actor: string; remaining: number };
  /** What an operator has extended the grace to: what fails before is no strike (R31). */
  graceUntil?: Instant;
  /** Until then the timer's attempt waits for the customer to confirm a try that was none of its own (R27). */
  confirmBy?: Instant | null;
  /** What came due, and for which Stripe was read. */
  lookedAt?: Instant;
  /** In mode `stripe`: Stripe's count of its scheduled attempts, and when it makes the next (R23, R24). */
  attemptCount?: number;
  nextPaymentAttemptAt?: Instant | null;
  /** Taken when the ladder began, so that a new setting changes no running one. */
  policy: DunningPolicy;
  /** Number of the last attempt of ours. */
  attempts: number;
  attempt: Attempt | null;
  /** Stripe's code for an attempt that it refused to make; the timer rests meanwhile (R28). */
  stopped: string | null;
  /** Failed attempts that were taken note of, by charge id or `<invoice>#<attempt count>` (R23). */
  failures: string[];
  /** Each payment method is tried once (R24). */
  methodsTried: string[];
  methodsWaiting: string[];
}

/** The ladder's stage, for `ladderTable`. */
export function stageOf({ strike, timer }: Ladder): Stage {
  if (strike === 0) return timer === null ? 'none' : 'confirming';
  return `strike ${strike}`;
}

const strikeAt: Readonly<Record<Stage, Strike>> = {
  none: 0,
  confirming: 0,
  'strike 1': 1,
  'strike 2': 2,
  'strike 3': 3,
};

/** The ladder after what happened `at`; undefined when that ends it. */
export function climb(ladder: Ladder, happening: Happening, at: Instant): Ladder | undefined {
  const { to } = ladderTable[stageOf(ladder)][happening];
  if (to === 'none') return undefined;
  // Stripe may retry by itself meanwhile (R24).
  if (ladder.paused || at < (ladder.graceUntil ?? at)) return ladder;
  const strike = strikeAt[to];
  const { confirmationWindow } = ladder.policy;
  if (happening === 'confirmation_needed') {
    // At its end the ladder waits for nobody.
    if (strike === 3) return ladder;
    return { ...ladder, timer: { at: after(at, confirmationWindow), for: 'confirmation' } };
  }
  if (strike === ladder.strike) return ladder;
  const since = ladder.strike === 0 ? at : ladder.since;
  if (strike === 3) return { ...ladder, strike, since, timer: null };
  const next = after(at, intervalOf({ ...ladder, strike }));
  return { ...ladder, strike, since, timer: { at: next, for: 'attempt' } };
}

/** How long after the failure that led to its strike a ladder tries again (R24). */
function intervalOf({ strike, policy }: Ladder): number {
  return policy.intervals[strike < 2 ? 0 : 1];
}

/** How long after an attempt of Stripe's we look for it, and so by how much we let it come later than ours. */
const PATIENCE_MS = 3_600_000;

/** Whether Stripe's own retries are the scheduled attempts, and ours the safety net (R24). */
export function followsStripe({ policy }: Ladder): boolean {
  return policy.retries === 'stripe';
}

/** The attempt of Stripe's that is to come, where the ladder waits for it and not for its interval. */
function awaitedAttempt(ladder: Ladder): Instant | null {
  const { timer, graceUntil, nextPaymentAttemptAt: next = null } = ladder;
  if (!followsStripe(ladder) || timer === null || next === null) return null;
  if (next < (graceUntil ?? next)) return null;
  // One that was due before the last strike has had its chance: it is late, and we have tried instead.
  const failedAt = after(timer.at, -intervalOf(ladder));
  return next > failedAt && next <= after(timer.at, PATIENCE_MS) ? next : null;
}

/** When the ladder acts next by itself; null while it is at its end, under way, stopped or paused. */
export function dueAt(ladder: Ladder): Instant | null {
  const { timer, attempt, stopped, paused, confirmBy, policy } = ladder;
  if (timer === null || attempt !== null || stopped !== null || paused) return null;
  if (timer.for === 'confirmation') return timer.at;
  const awaited = awaitedAttempt(ladder);
  const at = awaited === null ? timer.at : after(awaited, PATIENCE_MS);
  return policy.looks && confirmBy && confirmBy > at ? confirmBy : at;
}

/** When the payment is tried next, by us or by Stripe; null where no try is planned. */
export function nextAttemptAt(ladder: Ladder): Instant | null {
  if (ladder.timer?.for !== 'attempt' || ladder.paused) return null;
  return awaitedAttempt(ladder) ?? dueAt(ladder);
}

/** The ladders that have begun: the highest strike first, of equals the oldest (R25). */
export function climbing(ladders: readonly Ladder[]): Ladder[] {
  return ladders
    .filter(({ strike }) => strike > 0)
    .toSorted(
      (a, b) =>
        b.strike - a.strike ||
        a.since.localeCompare(b.since) ||
        a.invoiceId.localeCompare(b.invoiceId),
    );
}

/** The ladder that the team is shown (R25). */
export function leading(ladders: readonly Ladder[]): Ladder | undefined {
  return climbing(ladders)[0];
}

/** Whether no ladder goes on because operators have paused them (R31). */
export function isPaused(ladders: readonly Ladder[]): boolean {
  const going = ladders.filter(({ strike, paused }) => strike < 3 && !paused);
  return going.length === 0 && ladders.some(({ paused }) => paused);
}

/** The highest strike of all open invoices (R25). */
export function teamStrike(ladders: readonly Ladder[]): Strike {
  return leading(ladders)?.strike ?? 0;
}
