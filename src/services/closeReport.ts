import type { EndedRun } from '../db/closes.js';
import { readCloseTotals } from '../db/closeTotals.js';
import type { Queryable } from '../db/pool.js';
import type { CloseReport } from '../email/closeReport.js';
import { sendMails } from './mails.js';

/**
 * Tells operations how a run of a close has ended, once for each run (R36): one that is started again is
 * reported again, also where it changed nothing, for somebody asked for it and waits for its end.
 */
export async function reportClose(db: Queryable, ended: EndedRun): Promise<void> {
  const { period, run, begunAt, at, status, failure } = ended;
  const seconds = (at.getTime() - begunAt.getTime()) / 1_000;
  const totals = await readCloseTotals(db, period);
  const details: CloseReport = { period, status, failure, seconds, ...totals };
  const mail = { teamId: null, kind: 'close-report', cause: `${period}:${run}`, details };
  await sendMails(db, [mail], at.toISOString());
}
