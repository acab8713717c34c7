import { dueAt, type Ladder, nextAttemptAt } from './dunning.js';
import { after, type Instant } from './instant.js';
import type { Act, TakenAct, TeamState } from './team.js';

/** Why an operator's act does not apply (R31). */
export interface Refusal {
  code:
    | 'no_open_invoice'
    | 'no_attempt_ahead'
    | 'attempt_under_way'
    | 'already_paused'
    | 'not_paused'
    | 'not_later'
    | 'too_late'
    | 'idempotency_conflict';
  detail: string;
}

/** How far ahead a grace may end: a slip of the year would keep a ladder from ever going on. */
const LONGEST_GRACE = 366 * 86_400_000;

/** The open invoices that an act means: the one that it names, else all (R31). */
export function meantBy(
  ladders: readonly Ladder[],
  { invoiceId }: Pick<Act, 'invoiceId'>,
): Ladder[] {
  return ladders.filter((ladder) => invoiceId === null || ladder.invoiceId === invoiceId);
}

/** Whether the ladder acts before `until`, once what holds it up is over. */
export function comesBefore(ladder: Ladder, until: Instant): boolean {
  const resting = { ...ladder, attempt: null, stopped: null };
  const at = nextAttemptAt(resting) ?? dueAt(resting);
  return at !== null && at < until;
}

/** That the id of an act is another act's; null when it is not (R31). */
export function conflict({ acts = [] }: TeamState, act: TakenAct): Refusal | null {
  const taken = acts.find(({ id }) => id === act.id);
  const same =
    taken === undefined ||
    (taken.action === act.action && taken.invoiceId === act.invoiceId && taken.until === act.until);
  if (same) return null;
  return {
    code: 'idempotency_conflict',
    detail: `R31: ${act.id} is the key of another act, ${taken.action}.`,
  };
}

/** What speaks against an act on a team in this state; null when nothing does, or it was taken before (R31). */
export function refusal(state: TeamState, act: TakenAct, now: Instant): Refusal | null {
  if (state.acts?.some(({ id }) => id === act.id)) return conflict(state, act);
  const { action, invoiceId, until = '' } = act;
  if (action === 'resync') return null;
  const what = invoiceId ?? 'the team';
  const meant = meantBy(state.ladders, act);
  const begun = meant.filter(({ strike }) => strike > 0);
  if ((action === 'waive' ? meant : begun).length === 0) {
    return refuse('no_open_invoice', `${what} has no unpaid invoice to act on`);
  }
  if (action === 'waive' || action === 'retryPayment') return null;

  const running = begun.filter(({ timer }) => timer !== null);
  if (running.length === 0) {
    return refuse('no_attempt_ahead', `${what} is at the third strike: no attempt is ahead`);
  }
  if (action === 'resumeDunning') {
    if (running.some(({ paused }) => paused)) return null;
    return refuse('not_paused', `the dunning of ${what} is not paused`);
  }
  if (running.some(({ attempt }) => attempt?.by === 'timer')) {
    return refuse('attempt_under_way', `the next attempt for ${what} is being made`);
  }
  const going = running.filter(({ paused }) => !paused);
  if (going.length === 0) return refuse('already_paused', `the dunning of ${what} is paused`);
  if (action === 'pauseDunning') return null;
  if (until > after(now, LONGEST_GRACE)) {
    return refuse('too_late', 'a grace ends within a year');
  }
  if (until > now && going.some((ladder) => comesBefore(ladder, until))) return null;
  return refuse('not_later', `${until} is not later than the next attempt for ${what}`);
}

const refuse = (code: Refusal['code'], detail: string): Refusal => ({
  code,
  detail: `R31: ${detail}.`,
});
