import { isDeepStrictEqual } from 'node:util';
import { teamName } from './load/load.js';
import type { Server, Side } from './sides.js';

/** Any will do, for the load chooses teams at random. */
const ASKED = 10;

/**
 * Asks Tagih for the groups of some teams, by each key, and compares them with the events on disk.
 * Throws when they differ.
 */
export async function verifyGroups(
  side: Side,
  server: Server,
  keys: readonly string[],
): Promise<void> {
  for (let index = 0; index < ASKED; index += 1) {
    const teamId = teamName(index);
    for (const key of keys) {
      const answered = await groups(side, server, teamId, key);
      const { rows } = await side.ledger.query<{ value: string; tokens: string }>(
        `select metadata ->> $2 as value, sum(tokens) as tokens from usage_events
          where team_id = $1 and metadata ? $2 group by 1`,
        [teamId, key],
      );
      const stored = new Map(rows.map(({ value, tokens }) => [value, Number(tokens)]));
      if (isDeepStrictEqual(answered, stored)) continue;
      throw new Error(`The groups of ${teamId} by ${key} are not the sum of its events.`);
    }
  }
}

async function groups({ apiKey }: Side, { url }: Server, teamId: string, key: string) {
  const response = await fetch(`${url}/api/v1/teams/${teamId}/usage?groupBy=${key}`, {
    headers: { authorization: `Bearer ${apiKey}` },
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`Usage by ${key} answered ${response.status}: ${text}`);
  const { groups } = JSON.parse(text) as { groups: { key: string; tokens: number }[] };
  // Other loads leave the keys out of their events.
  const ours = groups.filter(({ key }) => key.startsWith('value-'));
  return new Map(ours.map(({ key, tokens }) => [key, tokens]));
}
