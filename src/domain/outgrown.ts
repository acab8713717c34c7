import type { Draft } from './draft.js';
import type { Instant } from './instant.js';

/**
 * An event tells late that the subscription changed at an instant. The larger plan that is held may have been
 * found before it, by an event about something else: it gets the doubt, and is held since then (R4, R37).
 */
export function holdSooner(draft: Draft, changedAt: Instant | null): void {
  const { held, outgrown } = draft.state;
  if (!held || !outgrown || changedAt === null) return;
  const startsAt = changedAt > outgrown.startsAt ? changedAt : outgrown.startsAt;
  if (startsAt >= held.startsAt) return;
  const sooner = { held: { ...held, startsAt }, outgrown: { ...outgrown, endsAt: startsAt } };
  draft.set(sooner);
  draft.effects.push(
    { kind: 'plan_period', period: sooner.outgrown },
    { kind: 'plan_period', period: sooner.held, movedFrom: held.startsAt },
  );
}
