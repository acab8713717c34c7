import { takeAct } from './acts.js';
import { takeOutcome, takeTimers } from './attempts.js';
import { isRead, markOf } from './covered.js';
import { type Cause, Draft } from './draft.js';
import type { Instant } from './instant.js';
import { takeTruth } from './observe.js';
import { holdSooner } from './outgrown.js';
import type { Refusal } from './refusal.js';
import type { Effect, Fact, Hint, TeamState } from './team.js';
import { lookAtTrial } from './trial.js';

/** Tells of what will be: the subscription has not changed. */
const TRIAL_ENDS = 'customer.subscription.trial_will_end';

/** Fact ids that are remembered: more than Stripe sends of one team within its redeliveries. */
const SEEN_IDS = 200;

/** After these an item of ours is on a final invoice, or will never be (R34). */
const SETTLING_TYPES = ['invoice.finalized', 'customer.subscription.deleted', 'resync'];

/** After these a payment method is another one under the same id (R24). */
const RENEWING_TYPES = ['payment_method.automatically_updated', 'payment_method.updated'];

/** The team after `facts`, taken in order at `now`, and what is to be written with it. Pure (R8). */
export function reduce(
  state: TeamState,
  facts: readonly Fact[],
  now: Instant,
): { state: TeamState; effects: Effect[]; refused: ReadonlyMap<string, Refusal> } {
  const draft = new Draft(state, now);
  for (const fact of facts) take(draft, fact, now);
  return { state: draft.next, effects: draft.effects, refused: draft.refused };
}

function take(draft: Draft, fact: Fact, now: Instant): void {
  switch (fact.kind) {
    case 'hint':
      return takeHint(draft, fact);
    case 'act':
      if (!fact.apart && isSeen(draft, fact.id)) return;
      return takeAct(draft, fact, now);
    case 'read':
      return takeTruth(draft, fact.number, fact.truth, now);
    case 'attempted':
      return takeOutcome(draft, fact.invoiceId, fact.number, fact.outcome, now);
    case 'written_off':
      return takeDone(draft, 'writeOffs', fact.invoiceId, fact.refused ?? null);
    case 'held':
      return takeDone(draft, 'holds', fact.invoiceId, fact.refused ?? null);
    case 'settled':
      if (draft.state.settling === fact.number) draft.set({ settling: null });
      return;
    case 'due':
      takeTimers(draft, now);
      return lookAtTrial(draft, now);
    default:
      return fact satisfies never;
  }
}

/** Something changed at Stripe: it is read, whatever the hint said (R16, R17). */
function takeHint(draft: Draft, hint: Hint): void {
  const { id, type, object, at } = hint;
  if (isSeen(draft, id)) return;
  // A card that was renewed, by its network or by its owner, keeps its id, and is worth another try.
  const renewed = RENEWING_TYPES.includes(type) ? object : null;
  draft.set({
    ladders: draft.state.ladders.map((ladder) => ({
      ...ladder,
      stopped: null,
      methodsTried: ladder.methodsTried.filter((card) => card !== renewed),
    })),
  });
  const mark = markOf(hint);
  const settle = SETTLING_TYPES.includes(type);
  const changedAt = type.startsWith('customer.subscription.') && type !== TRIAL_ENDS ? at : null;
  if (isRead(draft.state, hint)) {
    holdSooner(draft, changedAt);
    // Numbered as no reading of this turn or of a later one is, lest one of the two pass for the other.
    if (settle || object?.startsWith('in_')) draft.set({ settling: draft.state.turn - 1 });
    return;
  }
  const named = (prefix: string) => (object?.startsWith(prefix) ? [object] : []);
  const ofType = (prefix: string) => (object !== null && type.startsWith(prefix) ? [object] : []);
  draft.want({
    subscriptionIds: named('sub_'),
    invoiceIds: named('in_'),
    cards: named('pm_').map((card) => ({ id: card, at })),
    chargeIds: ofType('charge.refunded'),
    disputeIds: ofType('charge.dispute.'),
    settle,
    cause: id,
    changedAt,
    ...(mark && { upTo: mark }),
  });
}

/** Whether a fact was taken before; from now on it was (R17). */
function isSeen(draft: Draft, id: string): boolean {
  const { seen } = draft.state;
  if (seen.includes(id)) return true;
  draft.set({ seen: [...seen, id].slice(-SEEN_IDS) });
  return false;
}

const refusals = {
  writeOffs: { kind: 'write_off_refused', what: 'mark it uncollectible' },
  holds: { kind: 'hold_refused', what: 'stop its own retries' },
} as const;

/** What Stripe was asked of an invoice is done; what it refused is noted for an operator, and asked no more (R28). */
function takeDone(
  draft: Draft,
  list: keyof typeof refusals,
  invoiceId: string,
  code: string | null,
): void {
  const asked = draft.state[list];
  if (!asked.includes(invoiceId)) return;
  draft.set({ [list]: asked.filter((id) => id !== invoiceId) });
  if (code === null) return;
  const { kind, what } = refusals[list];
  const because: Cause = { cause: invoiceId, actor: 'stripe' };
  draft.note(kind, `Stripe would not ${what}: ${invoiceId}`, because, { invoiceId, code });
}
