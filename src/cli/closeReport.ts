import { type BillingFate, billingFates } from '../db/billingFates.js';
import type { Close } from '../db/closes.js';
import type { CloseTotals } from '../db/closeTotals.js';
import type { Pool } from '../db/pool.js';
import { display } from '../domain/money.js';
import { tell } from './progressLine.js';

/** What a close came to, as people read it. */
export function totalsOf({ period, status }: Close, totals: CloseTotals): string {
  const outcome = status === 'completed' ? 'is closed' : 'is not closed, its workflow was stopped';
  const { teams, tokens, records, amounts, failures, moreFailures } = totals;
  const statuses = Object.entries(records).map(([name, count]) => `${tell(count)} ${name}`);
  const lines = [
    `${period} ${outcome}: ${tell(teams)} records, ${tell(records.failed ?? 0)} failed.`,
    `  ${tell(tokens)} tokens; ${statuses.join(', ') || 'no record'}`,
    ...amounts.map(({ currency, overage, due, failed }) => {
      const show = (amount: number) => display({ amount, currency });
      return `  ${show(overage)} above the plans, ${show(due)} due, ${show(failed)} of that failed`;
    }),
    ...failures.map(({ teamId, failure }) => `  ${teamId}: ${failure}`),
    ...(moreFailures > 0 ? [`  and ${tell(moreFailures)} more that failed`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** What became of records that had failed and were billed again. */
export async function fatesOf(
  pool: Pool,
  period: string,
  teamIds: readonly string[],
): Promise<{ records: BillingFate[]; text: string }> {
  const records = await billingFates(pool, period, teamIds);
  const counts = new Map<string, number>();
  for (const { status } of records) counts.set(status, (counts.get(status) ?? 0) + 1);
  const told = [...counts].map(([status, count]) => `${tell(count)} ${status}`);
  const had = records.length === 1 ? '1 record had' : `${tell(records.length)} records had`;
  const text = `${had} failed; now: ${told.join(', ') || 'none'}.\n`;
  return { records, text };
}
