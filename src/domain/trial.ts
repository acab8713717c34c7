import { type Draft, NOTHING_NAMED } from './draft.js';
import { after, type Instant } from './instant.js';
import type { MailEffect, TeamState } from './team.js';

/** How long before its end a trial is told of: three days, as Stripe's own event. */
const NOTICE = 3 * 86_400_000;

type TrialMail = Extract<MailEffect, { mail: 'trial-ending' }>;

/** The mail that a trial ends and its plan is charged; null where it is not to be, or was written. */
function trialMail({ subscription, told = [] }: TeamState): TrialMail | null {
  if (subscription?.status !== 'trialing' || subscription.plan === null) return null;
  const { id, plan, trialEnd, cancelAt } = subscription;
  if (trialEnd === undefined || trialEnd === null) return null;
  if (cancelAt !== null && cancelAt <= trialEnd) return null;
  const cause = `${id}:${trialEnd}`;
  if (told.includes(cause)) return null;
  return { kind: 'mail', mail: 'trial-ending', cause, details: { plan, at: trialEnd } };
}

/** When the end of the team's trial is to be told; null when none is. */
export function trialDueAt(state: TeamState): Instant | null {
  const mail = trialMail(state);
  return mail && after(mail.details.at, -NOTICE);
}

/** Three days before the end Stripe is read: the trial may have been extended, or cancelled, unheard (R16). */
export function lookAtTrial(draft: Draft, now: Instant): void {
  if (draft.state.reading !== null || draft.state.wanted !== null) return;
  const at = trialDueAt(draft.state);
  if (at !== null && at <= now) draft.want({ ...NOTHING_NAMED, cause: 'timer' });
}

/** Mails that the trial that was read ends, once for each end: an extended trial is told of again. */
export function tellOfTrial(draft: Draft, now: Instant): void {
  const mail = trialMail(draft.state);
  if (mail === null || after(mail.details.at, -NOTICE) > now || !draft.isNews(mail.cause)) return;
  if (mail.details.at > now) draft.effects.push(mail);
}
