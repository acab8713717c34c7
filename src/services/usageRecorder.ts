import { isUnavailable, type Pool, type Queryable, transaction } from '../db/pool.js';
import { isSealed } from '../db/seals.js';
import type { TeamUsage } from '../db/teamUsage.js';
import { addToGroups } from '../db/usageBreakdown.js';
import { insertUsageEvents } from '../db/usageEvents.js';
import { makeUsagePartitions, receiptMonth } from '../db/usagePartitions.js';
import { Calendar, type Period } from '../domain/period.js';
import { runningTotals } from '../domain/runningTotals.js';
import type { Correction, UsageEvent } from '../domain/usageEvent.js';
import { GroupCommit, Overloaded } from './groupCommit.js';
import { groupTokens, noteCorrections, noteThreshold } from './newUsage.js';
import { type Recorded, recordedUsage } from './recordedUsage.js';

/** Usage as its caller tells it. */
export interface Usage {
  teamId: string;
  idempotencyKey: string;
  /** Negative in a correction alone. */
  tokens: number;
  occurredAt?: Date | undefined;
  metadata: Record<string, string>;
  correction?: Correction | undefined;
}

interface Told {
  usage: Usage;
  /** When it was told: the time of its occurrence where it names none. */
  at: Date;
}

/** Longer than it ever takes to make partitions in an empty moment. */
const PARTITION_MS = 5_000;

/**
 * Records the usage of all callers, many events in a transaction: each once (R9), on disk before it is
 * answered (R10), with the exact total of its team.
 */
export class UsageRecorder {
  private readonly calendar: Calendar;
  /** Months of receipt that are known to have a partition. */
  private readonly months = new Set<string>();
  private readonly commits: GroupCommit<Told, Recorded>;

  /** `groupKeys`: the metadata keys that usage can be grouped by. */
  constructor(
    private readonly pool: Pool,
    zone: string,
    private readonly groupKeys: readonly string[],
  ) {
    this.calendar = new Calendar(zone);
    this.commits = new GroupCommit(
      (told) => this.commit(told),
      ({ usage }) => usage.teamId,
      isUnavailable,
    );
  }

  /** Throws `Overloaded`, and `CorrectionBelowZero`. */
  record(usage: Usage, at: Date): Promise<Recorded> {
    return this.commits.submit({ usage, at });
  }

  private async commit(told: readonly Told[]): Promise<Recorded[]> {
    const now = new Date(Math.max(...told.map(({ at }) => at.getTime())));
    await this.makePartition(now);
    const open = this.calendar.periodAt(now);
    return transaction(this.pool, async (db) => {
      const events = told.map((one) => this.locate(one));
      await billLate(db, events, now, open);
      const inserted = await this.insert(db, events, now);
      return recordedUsage(db, events, inserted, this.calendar, open);
    });
  }

  /** A schedule makes partitions ahead; should it not run, the first commit of a month does. */
  private async makePartition(now: Date): Promise<void> {
    const { id } = receiptMonth(now);
    if (this.months.has(id)) return;
    const began = Date.now();
    await transaction(this.pool, (db) => makeUsagePartitions(db, now));
    this.months.add(id);
    // A commit that began much later than its usage came could meet the seal of a period (R38).
    if (Date.now() - began > PARTITION_MS) throw new Overloaded('The ledger is slow; try again.');
  }

  private locate({ usage, at }: Told): UsageEvent {
    const { occurredAt = at, correction = null, ...rest } = usage;
    const period = this.calendar.periodAt(occurredAt);
    // A correction names a period; when in it is ours to say.
    const statedAt = correction === null ? (usage.occurredAt ?? null) : null;
    const day = this.calendar.dayAt(occurredAt);
    return { ...rest, correction, occurredAt, statedAt, period, billedIn: period.id, day };
  }

  /** Inserts what is new, with all that follows from it; the team's usage as of each new event. */
  private async insert(
    db: Queryable,
    events: readonly UsageEvent[],
    now: Date,
  ): Promise<Map<UsageEvent, TeamUsage>> {
    // A key that comes twice in one commit is looked up the second time, like one from before.
    const byKey = Map.groupBy(events, (event) => `${event.teamId} ${event.idempotencyKey}`);
    const firsts = [...byKey.values()].flatMap(([first]) => first ?? []);
    const { added, totals: after } = await insertUsageEvents(db, firsts, now);
    const byTotal = Map.groupBy(added, ({ teamId, period }) => `${teamId} ${period.id}`);
    const asOf = new Map<UsageEvent, TeamUsage>();
    for (const usage of after) {
      const ofTotal = byTotal.get(`${usage.teamId} ${usage.period}`) ?? [];
      const totals = runningTotals(usage.usedTokens, ofTotal);
      for (const [index, event] of ofTotal.entries()) {
        asOf.set(event, { ...usage, usedTokens: totals.after[index] ?? usage.usedTokens });
      }
      await noteThreshold(db, usage, totals, now);
    }
    await noteCorrections(db, asOf, now);
    await addToGroups(db, groupTokens(asOf.keys(), this.groupKeys));
    return asOf;
  }
}

/** An event is billed in its own period until that is sealed, then in the open one (R12, R38). */
async function billLate(
  db: Queryable,
  events: readonly UsageEvent[],
  now: Date,
  open: Period,
): Promise<void> {
  const ended = events.filter(({ period }) => period.end <= now);
  for (const [id, late] of Map.groupBy(ended, ({ period }) => period.id)) {
    if (await isSealed(db, id)) for (const event of late) event.billedIn = open.id;
  }
}
