import { isDeepStrictEqual } from 'node:util';
import { withdrawEmails } from '../db/emails.js';
import { putPlanPeriod } from '../db/planPeriods.js';
import { type Pool, type Queryable, transaction } from '../db/pool.js';
import { holdParking, markTaken } from '../db/stripeEvents.js';
import { findTeam, saveTeamState } from '../db/teams.js';
import { insertTimelineEntry } from '../db/timeline.js';
import { teamStrike } from '../domain/dunning.js';
import type { Instant } from '../domain/instant.js';
import { subscriptionStatus } from '../domain/subscription.js';
import type { Effect, TeamState } from '../domain/team.js';
import { sendMails } from './mails.js';
import { deliverParked } from './stripeEvents.js';

/** A workflow that was reset, or comes from a backup, goes on from a past that the ledger has left behind. */
class StaleTurn extends Error {
  override name = 'StaleTurn';
}

/**
 * Writes a turn of a team's workflow in one transaction: state, plan periods, timeline, mails, and which
 * events it has taken, for a state remembers the last ones alone. Written once, however often it is asked
 * for. Throws when the ledger holds a later turn.
 */
export async function saveTurn(
  pool: Pool,
  {
    state,
    effects,
    at,
    taken = [],
  }: { state: TeamState; effects: readonly Effect[]; at: Instant; taken?: readonly string[] },
): Promise<void> {
  const strike = teamStrike(state.ladders);
  const derived = { strike, subscriptionStatus: subscriptionStatus(state.subscription, strike) };
  await transaction(pool, async (db) => {
    // A subscription can tell who the customer is; what was parked for it must not stay there (R18).
    const before = await findTeam(db, state.teamId);
    const learnsCustomer = state.customerId !== null && before?.stripeCustomerId === null;
    if (learnsCustomer) await holdParking(db);
    if (!(await saveTeamState(db, state, derived))) {
      if (isDeepStrictEqual(before?.state, state)) return;
      throw new StaleTurn(
        `The ledger is ahead of this workflow at turn ${state.turn}: terminate it, and resync the team.`,
      );
    }
    if (taken.length > 0) await markTaken(db, state.teamId, taken, new Date(at));
    if (learnsCustomer) await deliverParked(db, state.teamId);
    for (const effect of effects) await saveEffect(db, state.teamId, effect, at);
  });
}

async function saveEffect(db: Queryable, teamId: string, effect: Effect, at: Instant) {
  switch (effect.kind) {
    case 'timeline':
      return insertTimelineEntry(db, teamId, new Date(at), effect.entry);
    case 'plan_period':
      return putPlanPeriod(db, teamId, effect.period, effect.movedFrom);
    case 'withdraw_mails':
      return withdrawEmails(db, teamId, effect.invoiceId);
    case 'mail': {
      const { mail: kind, cause, details } = effect;
      return sendMails(db, [{ teamId, kind, cause, details }], at);
    }
  }
}
