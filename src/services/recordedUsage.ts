import type { Queryable } from '../db/pool.js';
import { readTeamUsage, type TeamUsage } from '../db/teamUsage.js';
import { findUsageKeys } from '../db/usageKeys.js';
import type { Calendar, Period } from '../domain/period.js';
import type { UsageEvent } from '../domain/usageEvent.js';

/** A team's usage of a period. */
export interface PeriodUsage {
  period: Period;
  usage: TeamUsage;
}

/** Usage that counts, now or from before. */
export interface CountedUsage {
  result: 'recorded' | 'duplicate';
  billedIn: string;
  /** Of the period that it occurred in: as of this event; for a duplicate as of now. */
  own: PeriodUsage;
  /** Of the open period, which decides what the team may do. */
  open: PeriodUsage;
}

/** What became of usage. */
export type Recorded = CountedUsage | { result: 'conflict' | 'unknown_team' };

/** An event that counts, with the usage that its insertion told where it did. */
interface Counted {
  result: 'recorded' | 'duplicate';
  teamId: string;
  period: Period;
  billedIn: string;
  usage: TeamUsage | undefined;
}

/**
 * What became of each event: those that `inserted` does not hold are repetitions, conflicts (R9), or of
 * teams that nobody knows. Reads the totals that the insertion did not tell.
 */
export async function recordedUsage(
  db: Queryable,
  events: readonly UsageEvent[],
  inserted: ReadonlyMap<UsageEvent, TeamUsage>,
  calendar: Calendar,
  open: Period,
): Promise<Recorded[]> {
  const stored = await findUsageKeys(
    db,
    events.filter((event) => !inserted.has(event)),
  );
  const outcomes = events.map((event): Counted | { result: 'conflict' | 'unknown_team' } => {
    const { teamId } = event;
    const usage = inserted.get(event);
    if (usage !== undefined) {
      const { period, billedIn } = event;
      return { result: 'recorded', teamId, period, billedIn, usage };
    }
    const first = stored.get(event);
    if (first === undefined) return { result: 'unknown_team' };
    if (!first.same) return { result: 'conflict' };
    const { billedIn, occurredAt } = first;
    const period = calendar.periodAt(occurredAt);
    return { result: 'duplicate', teamId, period, billedIn, usage };
  });

  const asked = outcomes
    .filter(counts)
    .flatMap(({ teamId, period, usage }) => [
      ...(usage === undefined ? [{ teamId, period }] : []),
      ...(period.id === open.id ? [] : [{ teamId, period: open }]),
    ]);
  const read = await readUsageOf(db, asked);
  return outcomes.map((outcome) => {
    if (!counts(outcome)) return outcome;
    const { result, teamId, period, billedIn, usage = read(teamId, period) } = outcome;
    const own = { period, usage };
    const ofOpen = period.id === open.id ? own : { period: open, usage: read(teamId, open) };
    return { result, billedIn, own, open: ofOpen };
  });
}

const counts = (outcome: { result: string }): outcome is Counted =>
  outcome.result === 'recorded' || outcome.result === 'duplicate';

async function readUsageOf(
  db: Queryable,
  asked: readonly { teamId: string; period: Period }[],
): Promise<(teamId: string, period: Period) => TeamUsage> {
  const nameOf = (teamId: string, period: string) => `${teamId} ${period}`;
  const distinct = new Map(asked.map((one) => [nameOf(one.teamId, one.period.id), one]));
  const rows = await readTeamUsage(db, [...distinct.values()]);
  const byName = new Map(rows.map((usage) => [nameOf(usage.teamId, usage.period), usage]));
  return (teamId, period) => {
    const usage = byName.get(nameOf(teamId, period.id));
    if (usage === undefined) throw new Error(`${teamId} was there a moment ago`);
    return usage;
  };
}
