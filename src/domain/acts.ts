import { type Cause, type Draft, NOTHING_NAMED, union } from './draft.js';
import type { Ladder } from './dunning.js';
import { after, type Instant } from './instant.js';
import { comesBefore, meantBy, refusal } from './refusal.js';
import type { Act, OperatorAction, TakenAct, TeamState } from './team.js';

/** Acts that are remembered, so that a repetition joins the first. */
const TAKEN_ACTS = 50;

/** An act's line of the timeline. */
export const actKinds: Readonly<Record<OperatorAction, string>> = {
  retryPayment: 'operator_retry_payment',
  extendGrace: 'operator_extend_grace',
  pauseDunning: 'operator_pause_dunning',
  resumeDunning: 'operator_resume_dunning',
  waive: 'operator_waive',
  resync: 'operator_resync',
};

/**
 * An operator's act (R31). It was let pass when it came, but another of the same turn may have come
 * before it, so it is looked at once more.
 */
export function takeAct(draft: Draft, act: Act, now: Instant): void {
  const { id, action, actor, reason, invoiceId, until, apart } = act;
  if (apart) {
    const { acts = [] } = draft.state;
    const refused = refusal(draft.state, act, now);
    if (refused !== null) return void draft.refused.set(id, refused);
    if (acts.some((taken) => taken.id === id)) return;
    const taken: TakenAct = { id, action, invoiceId, ...(until && { until }) };
    draft.set({ acts: [...acts, taken].slice(-TAKEN_ACTS) });
  }
  const because: Cause = { cause: id, actor };
  const meant = meantBy(draft.state.ladders, act);
  draft.note(actKinds[action], `${actor}: ${reason}`, because, {
    invoiceId,
    ...(until && { until }),
  });
  switch (action) {
    case 'retryPayment':
      for (const ladder of meant) {
        if (ladder.strike === 0 || ladder.attempt !== null) continue;
        draft.attempt(ladder, 'operator', null, because);
      }
      return;
    case 'extendGrace':
      for (const ladder of meant) extend(draft, ladder, until ?? now);
      return;
    case 'pauseDunning':
      for (const ladder of meant) pause(draft, ladder, actor, now);
      return;
    case 'resumeDunning':
      for (const ladder of meant) resume(draft, ladder, now);
      return;
    case 'waive':
      draft.set({
        writeOffs: union(
          draft.state.writeOffs,
          meant.map((l) => l.invoiceId),
        ),
      });
      for (const ladder of meant) draft.happen(ladder, 'closed', now, because);
      return;
    case 'resync':
      draft.set({ ladders: draft.state.ladders.map((l) => ({ ...l, stopped: null })) });
      draft.want({ ...NOTHING_NAMED, settle: true, cause: id });
      return;
    default:
      action satisfies never;
  }
}

function extend(draft: Draft, ladder: Ladder, until: Instant): void {
  const { strike, timer } = ladder;
  if (strike === 0 || timer === null || !comesBefore(ladder, until)) return;
  draft.put({ ...ladder, timer: { ...timer, at: until }, graceUntil: until, stopped: null });
}

function pause(draft: Draft, ladder: Ladder, actor: string, now: Instant): void {
  const { strike, timer, paused } = ladder;
  if (strike === 0 || timer === null || paused) return;
  const remaining = Math.max(0, Date.parse(timer.at) - Date.parse(now));
  draft.put({ ...ladder, paused: { actor, remaining } });
}

function resume(draft: Draft, ladder: Ladder, now: Instant): void {
  const { timer, paused } = ladder;
  if (timer === null || !paused) return;
  const at = after(now, paused.remaining);
  draft.put({ ...ladder, timer: { ...timer, at }, paused: null, stopped: null });
}

/** Whether an act's effect is still to come: a reading, or an attempt to pay, is shared by all who asked for it. */
export function isUnderWay(state: TeamState, { action, invoiceId }: TakenAct): boolean {
  if (action === 'resync') return state.reading !== null || state.wanted !== null;
  if (action !== 'retryPayment') return false;
  return meantBy(state.ladders, { invoiceId }).some(({ attempt }) => attempt !== null);
}

/** Whether an act was taken, and has had its effect. */
export function isDone(state: TeamState, act: TakenAct): boolean {
  return (state.acts ?? []).some(({ id }) => id === act.id) && !isUnderWay(state, act);
}
