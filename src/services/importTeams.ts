import { setTimeout } from 'node:timers/promises';
import type Stripe from 'stripe';
import { READINGS_PER_SECOND } from '../db/outbox.js';
import type { Pool } from '../db/pool.js';
import { teamOfEvent } from '../db/stripeEvents.js';
import { findTeam } from '../db/teams.js';
import { TEAM_ID } from '../domain/team.js';
import type { TeamService } from './teamService.js';

/** What became of a customer: the first three have a team, the others wait for a person. */
export type ImportResult =
  | 'created'
  /** The team was there without a customer. */
  | 'linked'
  | 'known'
  | 'no_email'
  /** Its subscriptions, or it and they, name more than one team. */
  | 'ambiguous_team'
  | 'invalid_team_id'
  /** The team that it names has another customer. */
  | 'other_customer';

export interface Imported {
  customerId: string;
  teamId: string;
  result: ImportResult;
}

/**
 * Makes a team of each customer of the account that has none: with the id that `team_id` names in its
 * metadata or its subscriptions', else with the customer's own. What was parked is delivered, and each is
 * read at the pace of Stripe's budget (R18). May run again at any time; a dry run writes nothing.
 */
export async function* importTeams(
  pool: Pool,
  stripe: Stripe,
  teams: TeamService,
  { dryRun }: { dryRun: boolean },
): AsyncGenerator<Imported> {
  /** Teams of this run, which a dry run does not find in the ledger. */
  const taken = new Set<string>();
  const customers = stripe.customers.list({ limit: 100, expand: ['data.subscriptions'] });
  for await (const customer of customers) {
    const { id: customerId, email, name } = customer;
    const [teamId = customerId, ...others] = namedTeams(customer);
    const known = await teamOfEvent(pool, { teamHint: null, customerId });
    if (known !== undefined) {
      yield { customerId, teamId: known, result: 'known' };
      continue;
    }
    const team = await findTeam(pool, teamId);
    const hasOther = taken.has(teamId) || (team?.stripeCustomerId ?? null) !== null;
    const adminEmail = team?.adminEmail ?? email;
    let hindrance: ImportResult | undefined;
    if (others.length > 0) hindrance = 'ambiguous_team';
    else if (!TEAM_ID.test(teamId)) hindrance = 'invalid_team_id';
    else if (hasOther) hindrance = 'other_customer';
    if (hindrance !== undefined || adminEmail === null) {
      yield { customerId, teamId, result: hindrance ?? 'no_email' };
      continue;
    }
    taken.add(teamId);
    if (!dryRun) {
      const put = {
        id: teamId,
        name: team?.name ?? (name || adminEmail),
        adminEmail,
        stripeCustomerId: customerId,
      };
      await teams.put(put, new Date());
      await setTimeout(1_000 / READINGS_PER_SECOND);
    }
    yield { customerId, teamId, result: team === undefined ? 'created' : 'linked' };
  }
}

function namedTeams({ metadata, subscriptions }: Stripe.Customer): Set<string> {
  const all = [metadata, ...(subscriptions?.data ?? []).map((of) => of.metadata)];
  return new Set(all.flatMap((of) => of['team_id'] ?? []));
}
