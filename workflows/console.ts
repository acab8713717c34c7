import { defineSearchAttributeKey, type SearchAttributeUpdatePair } from '@temporalio/common';
import { patched, upsertSearchAttributes } from '@temporalio/workflow';
import { nextDueAt, nextTimerAt } from '../src/domain/calls.js';
import { teamStrike } from '../src/domain/dunning.js';
import type { Instant } from '../src/domain/instant.js';
import { subscriptionStatus } from '../src/domain/subscription.js';
import type { Fact, TeamState } from '../src/domain/team.js';
import { show } from './details.js';
import { searchAttributes } from './searchAttributes.js';
import { describe } from './sentence.js';
import { subscriptionStart } from './starts.js';

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

  /** `waitsSince`: since when Stripe has not answered; null where it does. */
  show(state: TeamState, waitsSince: Instant | null): void {
    show(describe(state, waitsSince, new Date().toISOString()), subscriptionStart(state));
    // Each reading would take it away and bring it back, and an outage would hide it.
    const due = patched('next-action-while-reading') ? nextTimerAt(state) : nextDueAt(state);
    const current = teamStrike(state.ladders);
    const attributes: SearchAttributeUpdatePair[] = [
      { key: tier, value: state.tier },
      { key: status, value: statusOf(state) },
      { key: attention, value: attentionOf(state, waitsSince !== null) },
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

const statusOf = ({ subscription, ladders }: TeamState) =>
  subscriptionStatus(subscription, teamStrike(ladders));

function attentionOf({ ladders, attention }: TeamState, waitsForStripe: boolean): string {
  if (waitsForStripe) return 'waiting_for_stripe';
  if (attention !== 'none') return attention;
  if (ladders.some(({ stopped }) => stopped !== null)) return 'attempt_stopped';
  return ladders.some(({ paused }) => paused) ? 'paused' : 'none';
}
