import { takeOutcome, takeTimers } from './attempts.js';
import { type Cause, Draft, NOTHING_NAMED, union } from './draft.js';
import type { Instant } from './instant.js';
import { takeTruth } from './observe.js';
import type { Act, Effect, Fact, Hint, TeamState } from './team.js';
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
): { state: TeamState; effects: Effect[] } {
  const draft = new Draft(state, now);
  for (const fact of facts) take(draft, fact, now);
  return { state: draft.next, effects: draft.effects };
}

function take(draft: Draft, fact: Fact, now: Instant): void {
  switch (fact.kind) {
    case 'hint':
      return takeHint(draft, fact);
    case 'act':
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
function takeHint(draft: Draft, { id, type, object, at }: Hint): void {
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
  const changedAt = type.startsWith('customer.subscription.') && type !== TRIAL_ENDS ? at : null;
  const named = (prefix: string) => (object?.startsWith(prefix) ? [object] : []);
  const ofType = (prefix: string) => (object !== null && type.startsWith(prefix) ? [object] : []);
  draft.want({
    subscriptionIds: named('sub_'),
    invoiceIds: named('in_'),
    cards: named('pm_').map((card) => ({ id: card, at })),
    chargeIds: ofType('charge.refunded'),
    disputeIds: ofType('charge.dispute.'),
    settle: SETTLING_TYPES.includes(type),
    cause: id,
    changedAt,
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

const actKinds = {
  retryPayment: 'operator_retry_payment',
  waive: 'operator_waive',
  resync: 'operator_resync',
} as const;

/** An operator's act, which `refusal` has let pass (R31). */
function takeAct(draft: Draft, act: Act, now: Instant): void {
  const { id, action, actor, reason, invoiceId } = act;
  if (isSeen(draft, id)) return;
  const because: Cause = { cause: id, actor };
  const named = draft.state.ladders.filter((l) => invoiceId === null || l.invoiceId === invoiceId);
  draft.note(actKinds[action], `${actor}: ${reason}`, because, { invoiceId });
  switch (action) {
    case 'retryPayment':
      for (const ladder of named) {
        if (ladder.strike === 0 || ladder.attempt !== null) continue;
        draft.attempt(ladder, 'operator', null, because);
      }
      return;
    case 'waive':
      draft.set({
        writeOffs: union(
          draft.state.writeOffs,
          named.map((l) => l.invoiceId),
        ),
      });
      for (const ladder of named) draft.happen(ladder, 'closed', now, because);
      return;
    case 'resync':
      draft.set({ ladders: draft.state.ladders.map((l) => ({ ...l, stopped: null })) });
      draft.want({ ...NOTHING_NAMED, settle: true, cause: id });
      return;
    default:
      action satisfies never;
  }
}
