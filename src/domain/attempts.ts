import { type Cause, type Draft, NOTHING_NAMED, union } from './draft.js';
import { dueAt, followsStripe, type Ladder, nextAttemptAt } from './dunning.js';
import { after, type Instant } from './instant.js';
import type { Outcome } from './team.js';

const TIMER: Cause = { cause: 'timer', actor: 'tagih' };

/**
 * Tries the cards that this invoice has not seen, one after the other, each once (R24): from the first
 * strike on, for before it the payment waits for its customer (R27).
 */
export function offer(
  draft: Draft,
  ladder: Ladder,
  cards: readonly string[],
  because: Cause,
): void {
  const { strike, policy } = ladder;
  if (strike === 0 && !policy.keepsCards) return;
  const [next, ...rest] = union(ladder.methodsWaiting, cards).filter(
    (id) => !ladder.methodsTried.includes(id),
  );
  if (next === undefined) return;
  if (strike === 0 || ladder.attempt !== null) {
    return draft.put({ ...ladder, methodsWaiting: [next, ...rest] });
  }
  const methodsTried = union(ladder.methodsTried, [next]);
  draft.attempt({ ...ladder, methodsWaiting: rest, methodsTried }, 'card', next, because);
}

/** How an attempt of ours ended: paid, one more strike, or as before (R23, R28). */
export function takeOutcome(
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
  let over: Ladder = { ...ladder, attempt: null };
  draft.put(over);
  switch (outcome.kind) {
    case 'paid':
      // The subscription's own status follows: it is read, and not awaited from a webhook.
      draft.want({ ...NOTHING_NAMED, invoiceIds: [invoiceId], cause });
      return draft.happen(over, 'paid', now, because);
    case 'key_spent':
      return draft.attempt(over, by, paymentMethodId, because);
    case 'gone':
      draft.put({ ...over, stopped: 'gone' });
      draft.want({ ...NOTHING_NAMED, invoiceIds: [invoiceId], cause });
      return;
    case 'declined': {
      const { failureId } = outcome;
      draft.noteFailure(invoiceId, failureId, because);
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
      over = { ...over, confirmBy: after(now, ladder.policy.confirmationWindow) };
      draft.put(over);
      draft.noteQuestion(invoiceId, because);
      draft.mail('payment-action-required', `${invoiceId}:${number}`, over, nextAttemptAt(over));
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
  // What Stripe's own attempts came to meanwhile was left aside, for it could have been this one.
  if (still !== undefined && followsStripe(still)) draft.want({ ...NOTHING_NAMED, cause });
  if (still !== undefined) offer(draft, still, [], because);
}

/**
 * What is due: an attempt, or the end of a wait for the customer. Not while Stripe is read: what a fact
 * hints at may end the ladder (R26).
 */
export function takeTimers(draft: Draft, now: Instant): void {
  if (draft.state.reading !== null || draft.state.wanted !== null) return;
  const due = draft.state.ladders.flatMap((ladder) => {
    const at = dueAt(ladder);
    return at === null || at > now ? [] : [{ ladder, at }];
  });
  const unseen = due.filter(({ ladder, at }) => looksFirst(ladder) && ladder.lookedAt !== at);
  for (const { ladder, at } of unseen) draft.put({ ...ladder, lookedAt: at });
  if (unseen.length > 0) return draft.want({ ...NOTHING_NAMED, cause: TIMER.cause });
  for (const { ladder, at } of due) {
    if (ladder.timer?.for === 'attempt') draft.attempt(ladder, 'timer', null, TIMER);
    else {
      draft.happen(ladder, 'failed', at, TIMER);
      const failed = draft.ladder(ladder.invoiceId);
      if (failed !== undefined) offer(draft, failed, [], TIMER);
    }
  }
}

/** Whether Stripe is read first: nobody may have told that it was paid (R27), or that Stripe has tried (R24). */
function looksFirst(ladder: Ladder): boolean {
  if (ladder.policy.looks !== true) return false;
  return ladder.timer?.for === 'confirmation' || followsStripe(ladder);
}
