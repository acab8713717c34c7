import { findBillingInputs, readEvidence } from '../db/evidence.js';
import { type Pool, snapshot } from '../db/pool.js';
import { findUsageBilling, type UsageBilling } from '../db/usageBillings.js';
import { explainRecord, type Step } from '../domain/explanation.js';
import { parsePeriod } from '../domain/period.js';
import { compareRecord, type Disagreement } from '../domain/recordComparison.js';
import { digestOf } from './closeService.js';
import { knownTeam } from './knownTeam.js';

/** A record is not what its inputs, or the events, make it. The message names both figures of each. */
export class RecordMismatch extends Error {
  override name = 'RecordMismatch';
  constructor(teamId: string, period: string, disagreements: readonly Disagreement[]) {
    const figures = disagreements.map(
      ({ what, recorded, found }) => `${what}: ${recorded} recorded, ${found} found`,
    );
    super(`The record of ${teamId} for ${period} does not hold. ${figures.join('; ')}`);
  }
}

export interface Explained {
  record: UsageBilling;
  steps: Step[];
}

/**
 * A team's record of a period, computed again from its stored inputs and from the events themselves, never
 * from totals, with each step (R33); undefined where it has none. Throws `UnknownTeam`, and `RecordMismatch`
 * where a figure is another one.
 */
export function explain(
  pool: Pool,
  zone: string,
  teamId: string,
  period: string,
): Promise<Explained | undefined> {
  return snapshot(pool, async (db) => {
    await knownTeam(db, teamId);
    const record = await findUsageBilling(db, teamId, period);
    const inputs = await findBillingInputs(db, teamId, period);
    if (record === undefined || inputs === undefined) return undefined;
    const months = [period, ...inputs.earlier.map((past) => past.period)].flatMap(
      (month) => parsePeriod(month, zone) ?? [],
    );
    const carried = inputs.carried.map((past) => past.period);
    const evidence = await readEvidence(db, record, months, carried);
    const disagreements = compareRecord(record, inputs, evidence, (computed) =>
      digestOf(teamId, inputs, computed),
    );
    if (disagreements.length > 0) throw new RecordMismatch(teamId, period, disagreements);
    return { record, steps: explainRecord(record, inputs, evidence) };
  });
}
