import { offer } from './attempts.js';
import { tellOfCharges } from './charges.js';
import { askToConfirm, confirmBy } from './confirmation.js';
import { answersToo } from './covered.js';
import { type Cause, type Draft, together, union } from './draft.js';
import { followsStripe, type Happening, type Ladder } from './dunning.js';
import type { Instant } from './instant.js';
import { holdSooner } from './outgrown.js';
import { provision } from './provision.js';
import { scheduledOf, timeOf } from './scheduled.js';
import { isLive } from './subscription.js';
import type { Invoice, Reading, Truth } from './team.js';
import { tellOfTrial } from './trial.js';

/** What a reading of Stripe found: the subscription first, then its invoices, then its cards (R16). */
export function takeTruth(draft: Draft, number: number, truth: Truth, now: Instant): void {
  const reading = answered(draft, number, truth);
  if (reading === undefined) return;
  const { upTo, zone } = truth;
  draft.set({ reading: null, ...(upTo && { readUpTo: upTo }), ...(zone && { zone }) });
  if (reading.settle || truth.settles) draft.set({ settling: number });
  const because: Cause = { cause: reading.cause, actor: 'stripe' };
  const provisioned = provision(draft.state, truth, reading, now);
  draft.set(provisioned.state);
  draft.effects.push(...provisioned.effects);
  holdSooner(draft, reading.changedAt);
  tellOfTrial(draft, now);
  tellOfCharges(draft, truth, because);

  const live = truth.subscriptions.filter(isLive).map(({ id }) => id);
  for (const ladder of draft.state.ladders) {
    if (!live.includes(ladder.subscriptionId)) draft.happen(ladder, 'closed', now, because);
  }
  // What was paid comes after what was closed otherwise: the last one of all decides about the mail (R26).
  const paidLast = truth.invoices.toSorted(
    (a, b) => Number(a.status === 'paid') - Number(b.status === 'paid'),
  );
  for (const invoice of paidLast) takeInvoice(draft, invoice, truth, reading, now, because);
  for (const ladder of draft.state.ladders) {
    const cards = union(addedSince(reading, ladder.since), truth.defaultPaymentMethodIds);
    offer(draft, ladder, cards, because);
  }
}

/**
 * What was asked of Stripe, with what was wanted since where the truth answers that, too; undefined where
 * nobody waits for this reading.
 */
function answered(draft: Draft, number: number, truth: Truth): Reading | undefined {
  const { reading, wanted } = draft.state;
  if (reading?.number !== number) return undefined;
  if (wanted === null || !answersToo(truth, reading, wanted)) return reading;
  draft.set({ wanted: null });
  // Closed invoices that were named since were not looked up: usage may wait for their end (R34).
  const settle = reading.settle || wanted.settle || wanted.invoiceIds.length > 0;
  return { ...together(reading, wanted), number, settle };
}

/** An event that comes late may tell of a card from before the failure: that one has had its chance (R24). */
function addedSince({ cards }: Reading, since: Instant): string[] {
  return cards.filter(({ at }) => at >= since).map(({ id }) => id);
}

function takeInvoice(
  draft: Draft,
  invoice: Invoice,
  truth: Truth,
  reading: Reading,
  now: Instant,
  because: Cause,
): void {
  const ladder = draft.ladder(invoice.id);
  if (ladder === undefined) {
    if (invoice.origin !== 'subscription') return askToConfirm(draft, invoice, because);
    return beginLadder(draft, invoice, truth, reading, now, because);
  }
  if (invoice.status === 'paid') return draft.happen(ladder, 'paid', now, because);
  if (invoice.status !== 'open') return draft.happen(ladder, 'closed', now, because);

  const updated = { ...ladder, amountDue: invoice.amountDue };
  // While an attempt of ours is under way a new failure may be its own, which it will report itself.
  if (ladder.attempt !== null) return draft.put(updated);
  takeFailures(draft, updated, invoice, now, because);
}

/** The first failure of an invoice begins its ladder, whoever tried (R22, R23). */
function beginLadder(
  draft: Draft,
  invoice: Invoice,
  truth: Truth,
  reading: Reading,
  now: Instant,
  because: Cause,
): void {
  const { subscription, closed, holds } = draft.state;
  if (invoice.status !== 'open' || closed.includes(invoice.id)) return;
  if (subscription === null || !isLive(subscription)) return;
  if (subscription.id !== invoice.subscriptionId) return;
  const [first] = invoice.failures;
  if (first === undefined && !invoice.needsConfirmation) return;
  const since = first?.at ?? invoice.question?.at ?? now;
  const added = addedSince(reading, since);
  const defaults = truth.defaultPaymentMethodIds.filter((id) => !added.includes(id));
  const ladder: Ladder = {
    invoiceId: invoice.id,
    subscriptionId: subscription.id,
    amountDue: invoice.amountDue,
    strike: 0,
    since,
    timer: null,
    confirmBy: null,
    policy: truth.policy,
    attempts: 0,
    attempt: null,
    stopped: null,
    failures: [],
    methodsTried: methodsOf([...invoice.failures, invoice.question]).length > 0 ? [] : defaults,
    methodsWaiting: [],
  };
  if (!followsStripe(ladder)) draft.set({ holds: union(holds, [invoice.id]) });
  takeFailures(draft, ladder, invoice, now, because);
}

/** What there is news of: failed attempts, each noted once (R23), and a wait for the customer (R27). */
function takeFailures(
  draft: Draft,
  ladder: Ladder,
  invoice: Invoice,
  now: Instant,
  because: Cause,
): void {
  const unknown = invoice.failures.filter(({ id }) => !ladder.failures.includes(id));
  const waitsUntil = confirmBy(ladder, invoice, now);
  const isNews = waitsUntil !== null && waitsUntil !== ladder.confirmBy;
  const question = (isNews && invoice.question) || null;
  const asksAnew = isNews && ladder.timer?.for !== 'confirmation';
  const askedAt = asksAnew ? (question?.at ?? now) : null;
  const { failed, asks } = scheduledOf(ladder, unknown, invoice, askedAt);
  draft.put({
    ...ladder,
    ...(followsStripe(ladder) && {
      attemptCount: invoice.attemptCount ?? 0,
      nextPaymentAttemptAt: invoice.nextPaymentAttemptAt ?? null,
    }),
    confirmBy: waitsUntil,
    failures: union(
      ladder.failures,
      unknown.map(({ id }) => id),
    ),
    methodsTried: union(ladder.methodsTried, methodsOf([...unknown, question])),
  });
  for (const failure of unknown) {
    draft.noteFailure(invoice.id, failure.id, because);
    happen(failed.includes(failure) ? 'failed' : 'refused', timeOf(failure, ladder, now));
  }
  if (asks) happen('confirmation_needed', askedAt ?? now);

  function happen(happening: Happening, at: Instant): void {
    const current = draft.ladder(invoice.id);
    if (current !== undefined) draft.happen(current, happening, at, because);
  }
}

type Tried = Invoice['failures'][number] | Invoice['question'];

function methodsOf(tries: readonly Tried[]): string[] {
  return tries.flatMap((tried) => tried?.paymentMethodId ?? []);
}
