import { isUnavailable, type Pool, type Queryable, transaction } from '../db/pool.js';
import { isSealed } from '../db/seals.js';
import type { TeamUsage } from '../db/teamUsage.js';
import { addToGroups } from '../db/usageBreakdown.js';
import { insertUsageEvents } from '../db/usageEvents.js';
import { makeUsagePartitions, receiptMonth } from '../db/usagePartitions.js';
import { Calendar, type Period } from '../domain/period.js';
import { catalogue } from '../domain/plans.js';
import { runningTotals } from '../domain/runningTotals.js';
import { thresholdCrossed } from '../domain/threshold.js';
import type { Correction, UsageEvent } from '../domain/usageEvent.js';
import { GroupCommit, Overloaded } from './groupCommit.js';
import { type Crossing, groupTokens, noteCorrections, noteThresholds } from './newUsage.js';
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
  private readonly commits: GroupCommit<UsageEvent, Recorded>;

  /** `groupKeys`: the metadata keys that usage can be grouped by. */
  constructor(
    private readonly pool: Pool,
    zone: string,
    private readonly groupKeys: readonly string[],
  ) {
    this.calendar = new Calendar(zone);
    this.commits = new GroupCommit(
      (events) => this.commit(events),
      ({ teamId }) => teamId,
      isUnavailable,
    );
  }

  /** Throws `Overloaded`, and `CorrectionBelowZero`. */
  record(usage: Usage, at: Date): Promise<Recorded> {
    return this.commits.submit(this.locate(usage, at));
  }

  /** Many of one caller, in their order. Throws `Overloaded`. */
  recordAll(usages: readonly Usage[], at: Date): Promise<Recorded[]> {
    return this.commits.submitAll(usages.map((usage) => this.locate(usage, at)));
  }

  private locate(usage: Usage, at: Date): UsageEvent {
    const { teamId, idempotencyKey, tokens, occurredAt = at, metadata, correction = null } = usage;
    const period = this.calendar.periodAt(occurredAt);
    return {
      teamId,
      idempotencyKey,
      tokens,
      occurredAt,
      // A correction names a period; when in it is ours to say.
      statedAt: correction === null ? (usage.occurredAt ?? null) : null,
      toldAt: at,
      metadata,
      correction,
      period,
      billedIn: period.id,
      day: this.calendar.dayAt(occurredAt),
    };
  }

  private async commit(events: readonly UsageEvent[]): Promise<Recorded[]> {
    const now = new Date(Math.max(...events.map(({ toldAt }) => toldAt.getTime())));
    await this.makePartition(now);
    const open = this.calendar.periodAt(now);
    return transaction(this.pool, async (db) => {
      await billLate(db, events, now, open);
      const usageAfter = await this.insert(db, events, now);
      return recordedUsage(db, events, usageAfter, this.calendar, open);
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

  /** Inserts what is new, with all that follows from it; the team's usage as of each new event. */
  private async insert(
    db: Queryable,
    events: readonly UsageEvent[],
    now: Date,
  ): Promise<Map<UsageEvent, TeamUsage>> {
    const asOf = new Map<UsageEvent, TeamUsage>();
    const crossings: Crossing[] = [];
    for (const { events: ofTotal, usage } of await insertUsageEvents(db, firsts(events), now)) {
      const totals = runningTotals(usage.usedTokens, ofTotal);
      for (const [index, event] of ofTotal.entries()) {
        const usedTokens = totals.after[index] ?? usage.usedTokens;
        asOf.set(event, usedTokens === usage.usedTokens ? usage : { ...usage, usedTokens });
      }
      const { tokenLimit } = catalogue.plans[usage.plan];
      const kind = thresholdCrossed(tokenLimit, totals.before, totals.peak);
      if (kind !== null) crossings.push({ usage, kind, usedTokens: totals.peak, tokenLimit });
    }
    await noteThresholds(db, crossings, now);
    await noteCorrections(db, asOf, now);
    await addToGroups(db, groupTokens(asOf.keys(), this.groupKeys));
    return asOf;
  }
}

/** A key that comes twice in one commit is looked up the second time, like one from before. */
function firsts(events: readonly UsageEvent[]): UsageEvent[] {
  const byKey = new Map<string, UsageEvent>();
  for (const event of events) {
    const name = `${event.teamId} ${event.idempotencyKey}`;
    if (!byKey.has(name)) byKey.set(name, event);
  }
  return [...byKey.values()];
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
