import { billedPeriods, readBillingInputs } from '../db/billingInputs.js';
import { type Pool, type Queryable, snapshot } from '../db/pool.js';
import { findTeamUsage, type TeamUsage } from '../db/teamUsage.js';
import { usageByDay, usageByValue } from '../db/usageBreakdown.js';
import { type Access, access } from '../domain/access.js';
import { Calendar, dayAt, type Period, parsePeriod, periodAt } from '../domain/period.js';
import { catalogue } from '../domain/plans.js';
import { type InvoicePreview, previewInvoice } from '../domain/preview.js';
import { type Rating, rate } from '../domain/rating.js';
import { computeRecord } from '../domain/record.js';
import { retainedSince } from '../domain/retention.js';
import type { Correction } from '../domain/usageEvent.js';
import { knownTeam, UnknownTeam } from './knownTeam.js';
import type { CountedUsage, PeriodUsage, Recorded } from './recordedUsage.js';
import type { Usage, UsageRecorder } from './usageRecorder.js';

/** A team's usage of one period and what it costs so far. */
export interface Totals extends Rating {
  period: Period;
}

export interface TeamAccess extends Access {
  resetsAt: Date;
}

/** Usage that counts. What it costs and allows is computed where it is asked for: a batch asks for little of it. */
export class Tracked {
  readonly result: 'recorded' | 'duplicate';
  readonly billedIn: string;
  private readonly own: PeriodUsage;
  private readonly open: PeriodUsage;

  constructor({ result, billedIn, own, open }: CountedUsage) {
    this.result = result;
    this.billedIn = billedIn;
    this.own = own;
    this.open = open;
  }

  /** Of the period that it occurred in. */
  get period(): Period {
    return this.own.period;
  }

  get usedTokens(): number {
    return this.own.usage.usedTokens;
  }

  get totals(): Totals {
    return rated(this.own);
  }

  get access(): TeamAccess {
    return teamAccess(this.open, 1);
  }
}

/** What became of one event of many (R11). */
export type BatchResult = Tracked | UnknownTeam | IdempotencyConflict | UnacceptableTime;

export interface UsageCorrection extends Correction {
  teamId: string;
  idempotencyKey: string;
  /** May be negative. */
  tokens: number;
  period: Period;
}

/** The key already stands for other usage of the team (R9). */
export class IdempotencyConflict extends Error {
  override name = 'IdempotencyConflict';
}

/** The time of usage is too far ahead, or older than what is retained; `field` is what says it. */
export class UnacceptableTime extends Error {
  override name = 'UnacceptableTime';
  constructor(
    readonly field: 'occurredAt' | 'period',
    problem: string,
  ) {
    super(`${field} ${problem}`);
  }
}

/** How far a caller's clock may be ahead of ours. */
const AHEAD_MS = 5 * 60_000;

/** Answers every question about a team's bill. `zone` is the billing time zone. */
export class BillingService {
  private readonly calendar: Calendar;

  constructor(
    private readonly pool: Pool,
    private readonly zone: string,
    private readonly recorder: UsageRecorder,
    private readonly retentionMonths: number,
  ) {
    this.calendar = new Calendar(zone);
  }

  /**
   * Records usage, once for each key of the team (R9), and rates the period that it occurred in:
   * overage is (used − limit) / 1000 × rate. What it returns is on disk (R10). Throws `UnknownTeam`,
   * `IdempotencyConflict`, `UnacceptableTime` and `Overloaded`.
   */
  async trackUsage(usage: Usage, now: Date): Promise<Tracked> {
    const problem = this.timeCheck(now)(usage.occurredAt);
    if (problem !== null) throw problem;
    return orThrow(tracked(usage.teamId, await this.recorder.record(usage, now)));
  }

  /** Records usage of many teams and periods, a result for each event in order (R11). Throws `Overloaded`. */
  async trackBatch(batch: readonly Usage[], now: Date): Promise<BatchResult[]> {
    const check = this.timeCheck(now);
    const problems = batch.map(({ occurredAt }) => check(occurredAt));
    const accepted = batch.filter((_, index) => problems[index] === null);
    const recorded = (await this.recorder.recordAll(accepted, now)).values();
    return batch.map(({ teamId }, index) => {
      const problem = problems[index] ?? recorded.next().value;
      if (problem === undefined) throw new Error('each event has a result');
      return problem instanceof Error ? problem : tracked(teamId, problem);
    });
  }

  /**
   * Corrects the usage of a period, up or down, as an event of its own (R13); of a closed one it becomes a
   * late line. Throws `CorrectionBelowZero` beside what `trackUsage` throws.
   */
  async correctUsage(
    { teamId, idempotencyKey, tokens, period, ...correction }: UsageCorrection,
    now: Date,
  ): Promise<Tracked> {
    if (period.start > now) throw new UnacceptableTime('period', 'has not begun.');
    // The last moment that is both of the period and past: its day is the day that is corrected.
    const occurredAt = new Date(Math.min(period.end.getTime() - 1, now.getTime()));
    const problem = this.timeCheck(now, 'period')(occurredAt);
    if (problem !== null) throw problem;
    const usage = { teamId, idempotencyKey, tokens, occurredAt, metadata: {}, correction };
    return orThrow(tracked(teamId, await this.recorder.record(usage, now)));
  }

  /** The totals of a period with its days, and its groups by a metadata key where one is asked for. Throws `UnknownTeam`. */
  async usage(
    teamId: string,
    period: Period,
    groupBy?: string,
  ): Promise<{
    totals: Totals;
    days: { day: string; tokens: number }[];
    groups: { key: string; tokens: number }[] | undefined;
  }> {
    const [first, end] = [dayAt(period.start, this.zone), dayAt(period.end, this.zone)];
    return snapshot(this.pool, async (db) => {
      const totals = rated({ period, usage: await read(db, teamId, period) });
      const days = await usageByDay(db, teamId, period.id);
      if (groupBy === undefined) return { totals, days, groups: undefined };
      const values = await usageByValue(db, teamId, groupBy, first, end);
      return { totals, days, groups: withTheRest(values, totals.usedTokens) };
    });
  }

  /** Whether the team may use `tokens` more now (R30). Throws `UnknownTeam`. */
  async access(teamId: string, tokens: number, now: Date): Promise<TeamAccess> {
    const period = this.calendar.periodAt(now);
    return teamAccess({ period, usage: await read(this.pool, teamId, period) }, tokens);
  }

  /** What the open period would cost if it ended now, computed as its close will (R2). Throws `UnknownTeam`. */
  async invoicePreview(teamId: string, now: Date): Promise<InvoicePreview> {
    const { tier } = await knownTeam(this.pool, teamId);
    const period = periodAt(now, this.zone);
    const billed = await billedPeriods(this.pool, teamId, period.id);
    const sealed = billed.flatMap((id) => parsePeriod(id, this.zone) ?? []);
    const range = { first: teamId, last: teamId };
    const inputsOf = await readBillingInputs(this.pool, period, sealed, range);
    return previewInvoice(computeRecord(inputsOf(teamId), catalogue), tier, catalogue);
  }

  /** What is wrong with a time that usage states, if it states one and anything is. */
  private timeCheck(now: Date, field: UnacceptableTime['field'] = 'occurredAt') {
    let since: Date | undefined;
    return (occurredAt: Date | undefined): UnacceptableTime | null => {
      if (occurredAt === undefined) return null;
      if (occurredAt.getTime() - now.getTime() > AHEAD_MS) {
        return new UnacceptableTime(field, 'lies more than 5 minutes in the future.');
      }
      // Once for a batch: it takes longer than all else that an event costs.
      since ??= retainedSince(now, this.retentionMonths);
      if (occurredAt >= since) return null;
      const months = `the ${this.retentionMonths} months that usage is kept`;
      return new UnacceptableTime(field, `is older than ${months}.`);
    };
  }
}

async function read(db: Queryable, teamId: string, period: Period): Promise<TeamUsage> {
  const usage = await findTeamUsage(db, teamId, period);
  if (usage === undefined) throw new UnknownTeam(teamId);
  return usage;
}

function tracked(teamId: string, recorded: Recorded): Tracked | UnknownTeam | IdempotencyConflict {
  switch (recorded.result) {
    case 'unknown_team':
      return new UnknownTeam(teamId);
    case 'conflict':
      return new IdempotencyConflict(
        'This idempotencyKey already stands for other usage of the team, which was kept.',
      );
    default:
      return new Tracked(recorded);
  }
}

function orThrow(result: Tracked | Error): Tracked {
  if (result instanceof Error) throw result;
  return result;
}

function rated({ period, usage }: PeriodUsage): Totals {
  return { period, ...rate(catalogue.plans[usage.plan], usage.usedTokens) };
}

function teamAccess(open: PeriodUsage, tokens: number): TeamAccess {
  const { remainingTokens, period } = rated(open);
  return { ...access(open.usage, remainingTokens, tokens), resetsAt: period.end };
}

/** Stands for usage without a value of the key; also what is named so is counted there. */
const NONE = '(none)';

/** The groups with what has no value of the key, so that they add up to the total. */
function withTheRest(
  groups: { key: string; tokens: number }[],
  total: number,
): { key: string; tokens: number }[] {
  const named = groups.filter(({ key }) => key !== NONE);
  const rest = named.reduce((left, { tokens }) => left - tokens, total);
  return rest === 0 ? named : [...named, { key: NONE, tokens: rest }];
}
