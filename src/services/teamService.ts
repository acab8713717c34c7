import { invoiceLinks } from '../db/invoiceLinks.js';
import { enqueue } from '../db/outbox.js';
import { type Pool, transaction } from '../db/pool.js';
import { holdParking } from '../db/stripeEvents.js';
import { findTeam, listTeams, putTeam, type TeamFilter, type TeamRow } from '../db/teams.js';
import { listTimeline, type TimelineRow } from '../db/timeline.js';
import { subscriptionWorkflowId } from '../domain/workflowIds.js';
import type { BillingService, TeamAccess } from './billingService.js';
import { knownTeam } from './knownTeam.js';
import { deliverParked } from './stripeEvents.js';

/** A team with what is true of it now. */
export interface Team {
  row: TeamRow;
  access: TeamAccess;
  /** Where its unpaid invoices are paid, by invoice id. */
  invoiceLinks: Map<string, string>;
}

/** The customer is another team's already. */
export class CustomerTaken extends Error {
  override name = 'CustomerTaken';
}

export class TeamService {
  constructor(
    private readonly pool: Pool,
    private readonly billing: BillingService,
  ) {}

  /**
   * Creates or updates a team. A new customer is read at Stripe, and events that were parked for
   * the team are delivered (R18). Throws `CustomerTaken`.
   */
  async put(
    team: { id: string; name: string; adminEmail: string; stripeCustomerId: string | null },
    now: Date,
  ): Promise<{ created: boolean }> {
    return transaction(this.pool, async (db) => {
      await holdParking(db);
      const before = await findTeam(db, team.id);
      const { created } = await putTeam(db, team).catch((error: unknown) => {
        throw isUniqueViolation(error)
          ? new CustomerTaken(`${team.stripeCustomerId} is the customer of another team.`)
          : error;
      });
      const { stripeCustomerId } = team;
      const workflowId = subscriptionWorkflowId(team.id);
      if (stripeCustomerId !== null && stripeCustomerId !== before?.stripeCustomerId) {
        const id = `customer:${stripeCustomerId}:${now.toISOString()}`;
        const type = 'team.customer_changed';
        await enqueue(db, workflowId, {
          kind: 'hint',
          id,
          type,
          object: null,
          at: now.toISOString(),
        });
      }
      await deliverParked(db, team.id);
      return { created };
    });
  }

  /** Throws `UnknownTeam`. */
  async get(teamId: string, now: Date): Promise<Team> {
    return this.complete(await knownTeam(this.pool, teamId), now);
  }

  /** Teams in the order of their ids, those after `afterId`. */
  async list(filter: TeamFilter, afterId: string, limit: number, now: Date): Promise<Team[]> {
    const rows = await listTeams(this.pool, filter, afterId, limit);
    return Promise.all(rows.map((row) => this.complete(row, now)));
  }

  /** The team's timeline, latest first, from before the entry `beforeId`. Throws `UnknownTeam`. */
  async timeline(teamId: string, beforeId: number, limit: number): Promise<TimelineRow[]> {
    await this.require(teamId);
    return listTimeline(this.pool, teamId, beforeId, limit);
  }

  /** Throws `UnknownTeam`. */
  async require(teamId: string): Promise<void> {
    await knownTeam(this.pool, teamId);
  }

  private async complete(row: TeamRow, now: Date): Promise<Team> {
    const [access, links] = await Promise.all([
      this.billing.access(row.id, 1, now),
      invoiceLinks(
        this.pool,
        row.state.ladders.map(({ invoiceId }) => invoiceId),
      ),
    ]);
    return { row, access, invoiceLinks: links };
  }
}

/** Postgres' own code for a unique key that is taken. */
const UNIQUE_VIOLATION = '23505';

function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === UNIQUE_VIOLATION;
}
