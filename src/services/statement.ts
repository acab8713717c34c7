import { findBillingInputs } from '../db/evidence.js';
import { type Pool, snapshot } from '../db/pool.js';
import { findUsageBilling } from '../db/usageBillings.js';
import { explainRecord } from '../domain/explanation.js';
import { parsePeriod } from '../domain/period.js';
import { compareRecord } from '../domain/recordComparison.js';
import { renderPdf } from '../statement/pdf.js';
import { statementOf } from '../statement/statement.js';
import { digestOf } from './closeService.js';
import { RecordMismatch } from './explanation.js';
import { knownTeam } from './knownTeam.js';

export interface StatementFile {
  name: string;
  /** A PDF. */
  content: Buffer;
}

/**
 * The statement of a team's record, from the record and its stored inputs alone: the same as long as they
 * are, also past retention (R33). Undefined where there is no record. Throws `UnknownTeam`, and
 * `RecordMismatch` where a figure is not what the inputs make it. `zone`: in which times are told.
 */
export async function statementFile(
  pool: Pool,
  zone: string,
  teamId: string,
  periodId: string,
): Promise<StatementFile | undefined> {
  const read = await snapshot(pool, async (db) => ({
    team: await knownTeam(db, teamId),
    record: await findUsageBilling(db, teamId, periodId),
    inputs: await findBillingInputs(db, teamId, periodId),
  }));
  const { team, record, inputs } = read;
  const period = parsePeriod(periodId, zone);
  if (record === undefined || inputs === undefined || period === undefined) return undefined;
  const disagreements = compareRecord(record, inputs, undefined, (computed) =>
    digestOf(teamId, inputs, computed),
  );
  if (disagreements.length > 0) throw new RecordMismatch(teamId, periodId, disagreements);
  const steps = explainRecord(record, inputs);
  const statement = statementOf({ team, record, steps }, period, zone);
  return { name: `statement-${teamId}-${periodId}.pdf`, content: await renderPdf(statement) };
}
