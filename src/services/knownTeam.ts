import type { Queryable } from '../db/pool.js';
import { findTeam, type TeamRow } from '../db/teams.js';

/** No team has this id. */
export class UnknownTeam extends Error {
  override name = 'UnknownTeam';
  constructor(readonly teamId: string) {
    super(`No team has the id ${teamId}`);
  }
}

/** The team with this id. Throws `UnknownTeam`. */
export async function knownTeam(db: Queryable, teamId: string): Promise<TeamRow> {
  const team = await findTeam(db, teamId);
  if (team === undefined) throw new UnknownTeam(teamId);
  return team;
}
