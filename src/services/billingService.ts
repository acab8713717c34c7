import { billedPeriods, readBillingInputs } from '../db/billingInputs.js';
import { type Pool, type Queryable, transaction } from '../db/pool.js';
import { isSealed } from '../db/seals.js';
import { findTeam, type TeamRow } from '../db/teams.js';
import {
  addToTotals,
  findUsageEvent,
  insertUsageEvent,
  plansHeld,
  type UsageEvent,
  usageByDay,
  usedTokens,
} from '../db/usage.js';
import { type Access, access } from '../domain/access.js';
import { dayAt, type Period, parsePeriod, periodAt } from '../domain/period.js';
import { catalogue, highestPlan } from '../domain/plans.js';
import { type InvoicePreview, previewInvoice } from '../domain/preview.js';
import { type Rating, rate } from '../domain/rating.js';
import { computeRecord } from '../domain/record.js';

/** A team's usage of one period and what it costs so far. */
export interface Totals extends Rating {
  period: Period;
}

export interface TeamAccess extends Access {
  resetsAt: Date;
}

export interface Usage {
  teamId: string;
  idempotencyKey: string;
  tokens: number;
  occurredAt?: Date | undefined;
  metadata: Record<string, string>;
}

export interface Tracked {
  result: 'recorded' | 'duplicate';
  totals: Totals;
  billedIn: string;
  access: TeamAccess;
}

/** No team has this id. */
export class UnknownTeam extends Error {
  override name = 'UnknownTeam';
  constructor(readonly teamId: string) {
    super(`No team has the id ${teamId}`);
  }
}

/** The key already stands for other usage of the team (R9). */
export class IdempotencyConflict extends Error {
  override name = 'IdempotencyConflict';
}

/** `occurredAt` is too far ahead, or older than what is retained. */
export class UnacceptableTime extends Error {
  override name = 'UnacceptableTime';
}

/** Answers every question about a team's bill. `zone` is the billing time zone. */
export class BillingService {
  constructor(
    private readonly pool: Pool,
    private readonly zone: string,
  ) {}

  /**
   * Records usage, once for each key of the team (R9), and rates the period that it occurred in:
   * overage is (used − limit) / 1000 × rate. What it returns is on disk (R10). Throws `UnknownTeam`
   * and `IdempotencyConflict`.
   */
  async trackUsage(usage: Usage, now: Date): Promise<Tracked> {
    return transaction(this.pool, async (db) => {
      const team = await this.team(db, usage.teamId);
      const occurredAt = usage.occurredAt ?? now;
      checkTime(occurredAt, now);
      const period = periodAt(occurredAt, this.zone);
      const event: UsageEvent = {
        ...usage,
        occurredAt,
        statedAt: usage.occurredAt ?? null,
        period: period.id,
        billedIn: await this.billedIn(db, period, now),
        day: dayAt(occurredAt, this.zone),
        receivedAt: now,
      };
      if (!(await insertUsageEvent(db, event))) return this.repeated(db, team, event, now);
      const used = await addToTotals(db, event);
      const totals = await this.rated(db, team.id, period, used);
      const teamAccess = await this.teamAccess(db, team, 1, now);
      return { result: 'recorded', totals, billedIn: event.billedIn, access: teamAccess };
    });
  }

  /** The totals of a period, and its days with usage. */
  async usage(
    teamId: string,
    period: Period,
  ): Promise<{ totals: Totals; days: { day: string; tokens: number }[] }> {
    const { id } = await this.team(this.pool, teamId);
    const [totals, days] = await Promise.all([
      this.totals(this.pool, id, period),
      usageByDay(this.pool, id, dayAt(period.start, this.zone), dayAt(period.end, this.zone)),
    ]);
    return { totals, days };
  }

  /** Whether the team may use `tokens` more now (R30). */
  async access(teamId: string, tokens: number, now: Date): Promise<TeamAccess> {
    const team = await this.team(this.pool, teamId);
    return this.teamAccess(this.pool, team, tokens, now);
  }

  /** What the open period would cost if it ended now, computed as its close will (R2). Throws `UnknownTeam`. */
  async invoicePreview(teamId: string, now: Date): Promise<InvoicePreview> {
    const { tier } = await this.team(this.pool, teamId);
    const period = periodAt(now, this.zone);
    const billed = await billedPeriods(this.pool, teamId, period.id);
    const sealed = billed.flatMap((id) => parsePeriod(id, this.zone) ?? []);
    const range = { first: teamId, last: teamId };
    const inputsOf = await readBillingInputs(this.pool, period, sealed, range);
    return previewInvoice(computeRecord(inputsOf(teamId), catalogue), tier, catalogue);
  }

  private async repeated(
    db: Queryable,
    team: TeamRow,
    event: UsageEvent,
    now: Date,
  ): Promise<Tracked> {
    const first = await findUsageEvent(db, event);
    if (!first?.same) {
      throw new IdempotencyConflict(
        'This idempotencyKey already stands for other usage of the team, which was kept.',
      );
    }
    const totals = await this.totals(db, team.id, periodAt(first.occurredAt, this.zone));
    const teamAccess = await this.teamAccess(db, team, 1, now);
    return { result: 'duplicate', totals, billedIn: first.billedIn, access: teamAccess };
  }

  /** Its own period until that is sealed, then the open one (R12, R38). */
  private async billedIn(db: Queryable, period: Period, now: Date): Promise<string> {
    const late = period.end <= now && (await isSealed(db, period.id));
    return late ? periodAt(now, this.zone).id : period.id;
  }

  private async teamAccess(
    db: Queryable,
    team: TeamRow,
    tokens: number,
    now: Date,
  ): Promise<TeamAccess> {
    const { period, remainingTokens } = await this.totals(db, team.id, periodAt(now, this.zone));
    const standing = {
      tier: team.tier,
      status: team.subscriptionStatus,
      strike: team.strike,
      confirming: team.state.ladders.some(({ timer }) => timer?.for === 'confirmation'),
    };
    return { ...access(standing, remainingTokens, tokens), resetsAt: period.end };
  }

  private async totals(db: Queryable, teamId: string, period: Period): Promise<Totals> {
    return this.rated(db, teamId, period, await usedTokens(db, teamId, period.id));
  }

  private async rated(
    db: Queryable,
    teamId: string,
    period: Period,
    used: number,
  ): Promise<Totals> {
    const plan = catalogue.plans[highestPlan(await plansHeld(db, teamId, period))];
    return { period, ...rate(plan, used) };
  }

  private async team(db: Queryable, teamId: string): Promise<TeamRow> {
    const team = await findTeam(db, teamId);
    if (team === undefined) throw new UnknownTeam(teamId);
    return team;
  }
}

/** 13 months of usage are kept, so that a repeated event is known for one (R9). */
const RETENTION_DAYS = 397;
/** How far a caller's clock may be ahead of ours. */
const AHEAD_MINUTES = 5;

function checkTime(occurredAt: Date, now: Date): void {
  const ahead = occurredAt.getTime() - now.getTime();
  if (ahead > AHEAD_MINUTES * 60_000) {
    throw new UnacceptableTime('occurredAt lies more than 5 minutes in the future.');
  }
  if (-ahead > RETENTION_DAYS * 86_400_000) {
    throw new UnacceptableTime('occurredAt is older than the 13 months that usage is kept.');
  }
}
