import { nextTimerAt } from '../src/domain/calls.js';
import {
  climbing,
  dueAt,
  followsStripe,
  type Ladder,
  nextAttemptAt,
  teamStrike,
} from '../src/domain/dunning.js';
import type { Instant } from '../src/domain/instant.js';
import { display } from '../src/domain/money.js';
import { catalogue } from '../src/domain/plans.js';
import { isLive, subscriptionStatus } from '../src/domain/subscription.js';
import type { TeamState } from '../src/domain/team.js';
import { trialDueAt } from '../src/domain/trial.js';
import { localTime, span } from './localTime.js';

/** Unpaid invoices that are told one by one. */
const TOLD_INVOICES = 3;

/** How a time is told. */
type Tell = (at: Instant) => string;

/**
 * Where the team stands, what it waits for and until when, in the billing time zone: one sentence for
 * operators. `waitsSince`: since when Stripe has not answered; null where it does.
 */
export function describe(state: TeamState, waitsSince: Instant | null, now: Instant): string {
  const { tier, subscription, attention, reading, zone = 'UTC' } = state;
  const tell: Tell = (at) => localTime(at, zone, now);
  const ladders = [
    ...climbing(state.ladders),
    ...state.ladders.filter(({ strike }) => strike === 0),
  ];
  const parts = [
    tier,
    subscriptionStatus(subscription, teamStrike(ladders)),
    ...ladders.slice(0, TOLD_INVOICES).flatMap((ladder) => ladderParts(ladder, tell, now)),
    ...(ladders.length > TOLD_INVOICES ? [`${ladders.length - TOLD_INVOICES} more unpaid`] : []),
    ...subscriptionParts(state, tell),
    ...(attention === 'none' ? [] : [attentions[attention]]),
  ];
  if (waitsSince !== null) parts.push(`waits for Stripe since ${tell(waitsSince)}`);
  else if (reading !== null) parts.push('reads Stripe');
  return parts.join(' · ');
}

const attentions = {
  unknown_price: 'its price is in no plan',
  second_subscription: 'another subscription lives beside it',
} as const;

function ladderParts(ladder: Ladder, tell: Tell, now: Instant): string[] {
  const { strike, invoiceId, amountDue, attempt, stopped } = ladder;
  const stage = strike === 0 ? 'Before strike 1' : `Strike ${strike} of 3`;
  const amount = display({ amount: amountDue, currency: catalogue.currency });
  return [
    stage,
    `${invoiceId} ${amount}`,
    ...(attempt === null ? [] : [`payment attempt ${attempt.number} under way`]),
    ...(strike === 3 ? ['locked until it is paid'] : waitParts(ladder, tell, now)),
    ...(stopped === null ? [] : [`attempt stopped: ${stopped}`]),
  ];
}

/** What a ladder's timer waits for. */
function waitParts(ladder: Ladder, tell: Tell, now: Instant): string[] {
  const { timer, paused, graceUntil = '' } = ladder;
  if (paused) return [`paused by ${paused.actor}, resumes with ${span(paused.remaining)} left`];
  const due = dueAt(ladder);
  if (due === null) return [];
  if (timer?.for === 'confirmation') return [`waits for its confirmation until ${tell(due)}`];
  const at = nextAttemptAt(ladder) ?? due;
  const next = `next attempt ${tell(at)}`;
  if (followsStripe(ladder) && at < due) return [`${next} by Stripe, looked for ${tell(due)}`];
  if (waitsForConfirmation(ladder, due)) return [`${next}, if it is not confirmed by then`];
  return [graceUntil > now ? `${next}, as an operator has extended it` : next];
}

/** Whether it is the customer's answer that the attempt which is due waits for (R27). */
const waitsForConfirmation = ({ confirmBy }: Ladder, due: Instant) => confirmBy === due;

/** What is to come of the subscription, as far as it is known. */
function subscriptionParts(state: TeamState, tell: Tell): string[] {
  const { subscription, ladders } = state;
  if (subscription === null || !isLive(subscription)) return ['waits for a subscription'];
  const { status, cancelAt, trialEnd = null, pendingPlan, currentPeriodEnd } = subscription;
  if (status === 'incomplete') return ['waits for its first payment'];
  if (status === 'paused') return ['waits to be resumed at Stripe'];
  // Not that of a ladder: nobody is dunned for it here.
  const owes = ladders.length === 0 && (status === 'past_due' || status === 'unpaid');
  if (cancelAt !== null) return [`ends ${tell(cancelAt)}`];
  const parts = owes ? ['waits for a payment at Stripe'] : [];
  if (status === 'trialing' && trialEnd !== null) {
    const mailAt = trialDueAt(state);
    const mail = mailAt === null ? '' : `, mail ${tell(mailAt)}`;
    parts.push(`trial ends ${tell(trialEnd)}${mail}`);
  }
  if (pendingPlan) parts.push(`changes to ${pendingPlan.plan} ${tell(pendingPlan.at)}`);
  if (parts.length === 0 && ladders.length === 0) parts.push(`renews ${tell(currentPeriodEnd)}`);
  return parts;
}

/** What the timer that is due first is for. */
export function describeTimer(state: TeamState): string {
  const due = nextTimerAt(state);
  const ends = state.ladders.filter((ladder) => dueAt(ladder) === due).map(describeEnd);
  if (trialDueAt(state) === due) ends.push('the mail that the trial ends');
  return ends.join(', ');
}

/** What comes when a ladder's timer ends. */
function describeEnd(ladder: Ladder): string {
  const { invoiceId, timer } = ladder;
  const due = dueAt(ladder) ?? '';
  if (timer?.for === 'confirmation' || waitsForConfirmation(ladder, due)) {
    return `end of the wait for the confirmation of ${invoiceId}`;
  }
  const isStripes = followsStripe(ladder) && (nextAttemptAt(ladder) ?? due) < due;
  return isStripes
    ? `look for Stripe's attempt to pay ${invoiceId}`
    : `next attempt to pay ${invoiceId}`;
}
