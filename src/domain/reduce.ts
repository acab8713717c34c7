import { type Cause, Draft, union } from './draft.js';
import { dueAt, type Ladder } from './dunning.js';
import type { Instant } from './instant.js';
import { provision } from './provision.js';
import { isLive } from './subscription.js';
import type { Act, Effect, Fact, Hint, Invoice, Outcome, TeamState, Truth } from './team.js';

/** Fact ids that are remembered: more than Stripe sends of one team within its redeliveries. */
const SEEN_IDS = 200;

/** After these an item of ours is on a final invoice, or will never be (R34). */
const SETTLING_TYPES = ['invoice.finalized', 'customer.subscription.deleted', 'resync'];

const NOTHING_NAMED = {
  subscriptionIds: [],
  invoiceIds: [],
  cards: [],
  settle: false,
  changedAt: null,
};

const TIMER: Cause = { cause: 'timer', actor: 'tagih' };

/** The team after `facts`, taken in order at `now`, and what is to be written with it. Pure (R8). */
export function reduce(
  state: TeamState,
  facts: readonly Fact[],
  now: Instant,
): { state: TeamState; effects: Effect[] } {
  const draft = new Draft(state);
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
      return draft.set({ writeOffs: draft.state.writeOffs.filter((id) => id !== fact.invoiceId) });
    case 'held':
      return draft.set({ holds: draft.state.holds.filter((id) => id !== fact.invoiceId) });
    case 'settled':
      if (draft.state.settling === fact.number) draft.set({ settling: null });
      return;
    case 'due':
      return takeTimers(draft, now);
    default:
      return fact satisfies never;
  }
}

/** Something changed at Stripe: it is read, whatever the hint said (R16, R17). */
function takeHint(draft: Draft, { id, type, object, at }: Hint): void {
  if (isSeen(draft, id)) return;
  if (type === 'charge.dispute.created') {
    const because: Cause = { cause: id, actor: 'customer' };
    draft.note('dispute_opened', `A charge is disputed: ${object}`, because, { disputeId: object });
  }
  // A card that its network renewed keeps its id, and is worth another try.
  const renewed = type === 'payment_method.automatically_updated' ? object : null;
  draft.set({
    ladders: draft.state.ladders.map((ladder) => ({
      ...ladder,
      stopped: null,
      methodsTried: ladder.methodsTried.filter((card) => card !== renewed),
    })),
  });
  const named = (prefix: string) => (object?.startsWith(prefix) ? [object] : []);
  draft.want({
    subscriptionIds: named('sub_'),
    invoiceIds: named('in_'),
    cards: named('pm_'),
    settle: SETTLING_TYPES.includes(type),
    cause: id,
    changedAt: type.startsWith('customer.subscription.') ? at : null,
  });
}

/** Whether a fact was taken before; from now on it was (R17). */
function isSeen(draft: Draft, id: string): boolean {
  const { seen } = draft.state;
  if (seen.includes(id)) return true;
  draft.set({ seen: [...seen, id].slice(-SEEN_IDS) });
  return false;
}

function takeTruth(draft: Draft, number: number, truth: Truth, now: Instant): void {
  const { reading } = draft.state;
  if (reading?.number !== number) return;
  draft.set({ reading: null });
  if (reading.settle) draft.set({ settling: number });
  const because: Cause = { cause: reading.cause, actor: 'stripe' };
  const provisioned = provision(draft.state, truth, reading, now);
  draft.set(provisioned.state);
  draft.effects.push(...provisioned.effects);

  const live = truth.subscriptions.filter(isLive).map(({ id }) => id);
  for (const ladder of draft.state.ladders) {
    if (!live.includes(ladder.subscriptionId)) draft.happen(ladder, 'closed', now, because);
  }
  // What was paid comes after what was closed otherwise: the last one of all decides about the mail (R26).
  const paidLast = truth.invoices.toSorted(
    (a, b) => Number(a.status === 'paid') - Number(b.status === 'paid'),
  );
  for (const invoice of paidLast) takeInvoice(draft, invoice, truth, now, because);
  const cards = union(reading.cards, truth.defaultPaymentMethodIds);
  for (const ladder of draft.state.ladders) offer(draft, ladder, cards, because);
}

function takeInvoice(
  draft: Draft,
  invoice: Invoice,
  truth: Truth,
  now: Instant,
  because: Cause,
): void {
  const ladder = draft.ladder(invoice.id);
  if (ladder === undefined) return beginLadder(draft, invoice, truth, now, because);
  if (invoice.status === 'paid') return draft.happen(ladder, 'paid', now, because);
  if (invoice.status !== 'open') return draft.happen(ladder, 'closed', now, because);

  const updated = { ...ladder, amountDue: invoice.amountDue };
  const unknown = invoice.failures.filter(({ id }) => !ladder.failures.includes(id));
  const [first] = unknown;
  // While an attempt of ours is under way a new failure may be its own, which it will report itself.
  if (first === undefined || ladder.attempt !== null) return draft.put(updated);
  const noted: Ladder = {
    ...updated,
    failures: union(
      ladder.failures,
      unknown.map(({ id }) => id),
    ),
    methodsTried: union(ladder.methodsTried, methodsOf(unknown)),
  };
  for (const { id } of unknown) noteFailure(draft, invoice.id, id, because);
  draft.happen(noted, 'refused', first.at, because);
}

/** The first failure of an invoice begins its ladder, whoever tried (R22, R23). */
function beginLadder(
  draft: Draft,
  invoice: Invoice,
  truth: Truth,
  now: Instant,
  because: Cause,
): void {
  const { subscription, closed, holds } = draft.state;
  if (invoice.status !== 'open' || invoice.origin !== 'subscription') return;
  if (closed.includes(invoice.id)) return;
  if (subscription === null || !isLive(subscription)) return;
  if (subscription.id !== invoice.subscriptionId) return;
  const [first] = invoice.failures;
  if (first === undefined && !invoice.needsConfirmation) return;
  const tried = methodsOf(invoice.failures);
  const ladder: Ladder = {
    invoiceId: invoice.id,
    subscriptionId: subscription.id,
    amountDue: invoice.amountDue,
    strike: 0,
    since: first?.at ?? now,
    timer: null,
    policy: truth.policy,
    attempts: 0,
    attempt: null,
    stopped: null,
    failures: invoice.failures.map(({ id }) => id),
    methodsTried: tried.length > 0 ? tried : truth.defaultPaymentMethodIds,
    methodsWaiting: [],
  };
  draft.set({ holds: union(holds, [invoice.id]) });
  for (const { id } of invoice.failures) noteFailure(draft, invoice.id, id, because);
  if (first === undefined) draft.happen(ladder, 'confirmation_needed', now, because);
  else draft.happen(ladder, 'failed', first.at, because);
}

/** Tries the cards that this invoice has not seen, one after the other, each once (R24). */
function offer(draft: Draft, ladder: Ladder, cards: readonly string[], because: Cause): void {
  if (ladder.strike === 0) return;
  const [next, ...rest] = union(ladder.methodsWaiting, cards).filter(
    (id) => !ladder.methodsTried.includes(id),
  );
  if (next === undefined) return;
  if (ladder.attempt !== null) {
    return draft.put({ ...ladder, methodsWaiting: [next, ...rest] });
  }
  const methodsTried = union(ladder.methodsTried, [next]);
  draft.attempt({ ...ladder, methodsWaiting: rest, methodsTried }, 'card', next, because);
}

function takeOutcome(
  draft: Draft,
  invoiceId: string,
  number: number,
  outcome: Outcome,
  now: Instant,
): void {
  const ladder = draft.ladder(invoiceId);
  const attempt = ladder?.attempt;
  if (ladder === undefined || attempt?.number !== number) return;
  const { by, paymentMethodId, cause, actor } = attempt;
  const because: Cause = { cause, actor };
  const scheduled = by === 'timer';
  const over: Ladder = { ...ladder, attempt: null };
  draft.put(over);
  switch (outcome.kind) {
    case 'paid':
      return draft.happen(over, 'paid', now, because);
    case 'key_spent':
      return draft.attempt(over, by, paymentMethodId, because);
    case 'gone':
      draft.put({ ...over, stopped: 'gone' });
      draft.want({ ...NOTHING_NAMED, invoiceIds: [invoiceId], cause });
      return;
    case 'declined': {
      const { failureId } = outcome;
      noteFailure(draft, invoiceId, failureId, because);
      const methods = outcome.paymentMethodId === null ? [] : [outcome.paymentMethodId];
      const noted: Ladder = {
        ...over,
        failures: union(over.failures, [failureId]),
        methodsTried: union(over.methodsTried, methods),
      };
      draft.happen(noted, scheduled ? 'failed' : 'refused', now, because);
      break;
    }
    case 'confirm':
      if (scheduled) {
        draft.happen(over, 'confirmation_needed', now, because);
        break;
      }
      draft.note('confirmation_needed', `${invoiceId} waits for its confirmation`, because, {
        invoiceId,
      });
      draft.mail('payment-action-required', `${invoiceId}:${number}`, over);
      break;
    case 'stopped':
      draft.note('payment_attempt_stopped', `Stripe would not try ${invoiceId}`, because, {
        invoiceId,
        code: outcome.code,
      });
      if (scheduled) draft.put({ ...over, stopped: outcome.code });
      break;
    default:
      outcome satisfies never;
  }
  const still = draft.ladder(invoiceId);
  if (still !== undefined) offer(draft, still, [], because);
}

/** Not while Stripe is read: what a fact hints at may end the ladder (R26). */
function takeTimers(draft: Draft, now: Instant): void {
  if (draft.state.reading !== null || draft.state.wanted !== null) return;
  for (const ladder of draft.state.ladders) {
    const at = dueAt(ladder);
    if (at === null || at > now) continue;
    if (ladder.timer?.for === 'attempt') draft.attempt(ladder, 'timer', null, TIMER);
    else draft.happen(ladder, 'failed', at, TIMER);
  }
}

/** An operator's act, which `refusal` has let pass (R31). */
function takeAct(draft: Draft, act: Act, now: Instant): void {
  const { id, action, actor, reason, invoiceId } = act;
  if (isSeen(draft, id)) return;
  const because: Cause = { cause: id, actor };
  const named = draft.state.ladders.filter((l) => invoiceId === null || l.invoiceId === invoiceId);
  draft.note(`operator_${action}`, `${actor}: ${reason}`, because, { invoiceId });
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

function noteFailure(draft: Draft, invoiceId: string, failureId: string, because: Cause): void {
  const details = { invoiceId, failureId };
  draft.note('payment_attempt_failed', `An attempt to pay ${invoiceId} failed`, because, details);
}

function methodsOf(failures: Invoice['failures']): string[] {
  return failures.flatMap(({ paymentMethodId }) => paymentMethodId ?? []);
}
