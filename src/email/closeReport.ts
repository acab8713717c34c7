import { z } from 'zod';
import type { OperationsEmail } from '../db/emails.js';
import { display } from '../domain/money.js';
import { formatTokens } from './format.js';
import type { Content } from './layout.js';

const reportDetails = z.object({
  period: z.string(),
  status: z.enum(['completed', 'failed']),
  failure: z.string().nullable(),
  seconds: z.number(),
  teams: z.int(),
  tokens: z.int(),
  records: z.record(z.string(), z.int()),
  amounts: z.array(
    z.object({
      currency: z.literal('idr'),
      overage: z.int(),
      due: z.int(),
      failed: z.int(),
    }),
  ),
  failures: z.array(z.object({ teamId: z.string(), failure: z.string().nullable() })),
  moreFailures: z.int(),
});

/** What a run of a close reports to operations, as it is kept with the mail. */
export type CloseReport = z.output<typeof reportDetails>;

const labels: Readonly<Record<string, string>> = {
  nothing_due: 'Records with nothing due',
  due: 'Records not yet at Stripe',
  pending: "Records that wait for their team's invoice",
  billed: 'Records on a final invoice',
  carried_forward: 'Records carried forward',
  failed: 'Records that failed',
};

/** How a run of a month's close has ended, for operations: figures, and who failed and why. */
export function closeReport({ details }: OperationsEmail): Content {
  const report = reportDetails.parse(details);
  const { period, status, failure, teams, tokens, records, amounts } = report;
  const failed = records['failed'] ?? 0;
  const outcome = status === 'completed' ? 'is closed' : 'is not closed';
  return {
    subject: `${period} ${outcome}${failed > 0 ? `, ${failed} failed` : ''}`,
    paragraphs: [
      `The close of ${period} has ${status === 'completed' ? 'completed' : 'stopped'}, after ${took(report.seconds)}.`,
      ...(status === 'completed' ? [] : [failure ?? 'It was cancelled, or a part of it stopped.']),
      ...failuresOf(report),
    ],
    figures: [
      { label: 'Teams', value: formatTokens(teams) },
      { label: 'Tokens', value: formatTokens(tokens) },
      ...Object.entries(records).map(([name, count]) => ({
        label: labels[name] ?? name,
        value: formatTokens(count),
      })),
      ...amounts.flatMap(({ currency, overage, due, failed: unbilled }) => {
        const value = (amount: number) => display({ amount, currency });
        const of = currency.toUpperCase();
        return [
          { label: `Usage above the plans, ${of}`, value: value(overage) },
          { label: `Due beside the plans, ${of}`, value: value(due) },
          { label: `Of that failed, ${of}`, value: value(unbilled) },
        ];
      }),
    ],
  };
}

function failuresOf({ period, failures, moreFailures }: CloseReport): string[] {
  if (failures.length === 0) return [];
  const named = failures.map(({ teamId, failure }) => `${teamId} (${failure ?? 'unknown'})`);
  const more = moreFailures > 0 ? `, and ${moreFailures} more` : '';
  return [
    `Stripe refused the records of ${named.join(', ')}${more}. Mend the cause, then: tagih close ${period} --failed`,
  ];
}

/** `1 h 2 min 3 s`. */
function took(seconds: number): string {
  const [hours, minutes, rest] = [seconds / 3_600, (seconds / 60) % 60, seconds % 60];
  const parts: [number, string][] = [
    [hours, 'h'],
    [minutes, 'min'],
    [rest, 's'],
  ];
  const shown = parts.map(([count, unit]): [number, string] => [Math.floor(count), unit]);
  const told = shown.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`);
  return told.join(' ') || 'less than a second';
}
