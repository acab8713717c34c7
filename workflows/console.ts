import { defineSearchAttributeKey, type SearchAttributeUpdatePair } from '@temporalio/common';
import { patched, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { nextDueAt, nextTimerAt } from '../src/domain/calls.js';
import { leading, teamStrike } from '../src/domain/dunning.js';
import { display } from '../src/domain/money.js';
import { catalogue } from '../src/domain/plans.js';
import { subscriptionStatus } from '../src/domain/subscription.js';
import type { Fact, TeamState } from '../src/domain/team.js';
import { trialDueAt } from '../src/domain/trial.js';
import { searchAttributes } from './searchAttributes.js';

const tier = defineSearchAttributeKey('TagihTier', searchAttributes.TagihTier);
const status = defineSearchAttributeKey('TagihStatus', searchAttributes.TagihStatus);
const attention = defineSearchAttributeKey('TagihAttention', searchAttributes.TagihAttention);
const customer = defineSearchAttributeKey('TagihCustomer', searchAttributes.TagihCustomer);
const strike = defineSearchAttributeKey('TagihStrike', searchAttributes.TagihStrike);
const nextActionAt = defineSearchAttributeKey(
  'TagihNextActionAt',
  searchAttributes.TagihNextActionAt,
);

/** Shows operators in Temporal UI where the team stands: attributes to search by, a sentence to read. */
export class Console {
  private shown = '';

  show(state: TeamState, waitsForStripe: boolean): void {
    setCurrentDetails(describe(state, waitsForStripe));
    // Each reading would take it away and bring it back, and an outage would hide it.
    const due = patched('next-action-while-reading') ? nextTimerAt(state) : nextDueAt(state);
    const current = teamStrike(state.ladders);
    const attributes: SearchAttributeUpdatePair[] = [
      { key: tier, value: state.tier },
      { key: status, value: statusOf(state) },
      { key: attention, value: attentionOf(state, waitsForStripe) },
      { key: customer, value: state.customerId },
      { key: strike, value: current },
      { key: nextActionAt, value: due === null ? null : new Date(due) },
    ];
    // Each upsert is an event in the history, so only a change is one.
    const now = JSON.stringify(attributes);
    if (now !== this.shown) upsertSearchAttributes(attributes);
    this.shown = now;
  }
}

/** What a turn was about, as Temporal UI shows it: the facts that it took, and what they led to. */
export function describeTurn({ turn, ladders }: TeamState, facts: readonly Fact[]): string {
  const told = facts.flatMap((fact) => {
    if (fact.kind === 'hint') return fact.type;
    // Not by whom: histories hold nobody's name (R21).
    if (fact.kind === 'act') return fact.action;
    return fact.kind === 'due' ? [] : fact.kind.replace('_', ' ');
  });
  const because = told.length === 0 ? 'timer' : [...new Set(told)].join(', ');
  return `Write turn ${turn}: ${because} · strike ${teamStrike(ladders)}`.slice(0, 200);
}

const timerNames = {
  attempt: 'next attempt to pay',
  confirmation: 'end of the wait for the confirmation of',
} as const;

/** What a timer waits for, as Temporal UI shows it. */
export function describeTimer(state: TeamState): string {
  const waits = state.ladders.flatMap(({ invoiceId, timer }) =>
    timer === null ? [] : [`${timerNames[timer.for]} ${invoiceId}`],
  );
  if (trialDueAt(state) !== null) waits.push('the mail that the trial ends');
  return waits.join(', ');
}

const statusOf = ({ subscription, ladders }: TeamState) =>
  subscriptionStatus(subscription, teamStrike(ladders));

function attentionOf({ ladders, attention }: TeamState, waitsForStripe: boolean): string {
  if (waitsForStripe) return 'waiting_for_stripe';
  if (attention !== 'none') return attention;
  if (ladders.some(({ stopped }) => stopped !== null)) return 'attempt_stopped';
  return ladders.some(({ paused }) => paused) ? 'paused' : 'none';
}

function describe(state: TeamState, waitsForStripe: boolean): string {
  const ladder = leading(state.ladders) ?? state.ladders[0];
  const due = nextTimerAt(state);
  const plan = `${state.tier} · ${statusOf(state)}`;
  const parts = [plan];
  if (ladder !== undefined) {
    const amount = display({ amount: ladder.amountDue, currency: catalogue.currency });
    const stage = ladder.strike === 0 ? 'Waits for confirmation' : `Strike ${ladder.strike} of 3`;
    parts.push(`${stage} · ${ladder.invoiceId} ${amount}`);
    if (ladder.attempt !== null) parts.push(`payment attempt ${ladder.attempt.number} under way`);
    if (ladder.strike === 3) parts.push('locked until it is paid');
    if (ladder.paused) parts.push(`paused by ${ladder.paused.actor}`);
    if (ladder.stopped !== null) parts.push(`attempt stopped: ${ladder.stopped}`);
  }
  if (due !== null) parts.push(`next action ${due.slice(0, 16).replace('T', ' ')} UTC`);
  if (waitsForStripe) parts.push('waits for Stripe, which does not answer');
  return parts.join(' · ');
}
