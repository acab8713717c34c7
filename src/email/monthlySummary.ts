import { z } from 'zod';
import type { TeamEmail } from '../db/emails.js';
import { formatAmount, formatTokens, lineLabels } from './format.js';
import type { Content } from './layout.js';

const summaryDetails = z.object({
  period: z.string(),
  plan: z.string(),
  usedTokens: z.int(),
  tokenLimit: z.int(),
  lines: z.array(
    z.object({ kind: z.enum(['overage', 'late', 'carried']), period: z.string(), amount: z.int() }),
  ),
  amountDue: z.int(),
});

/** What a month's usage was, and what it costs beside the plan (R32). */
export function monthlySummary({ teamName: team, details }: TeamEmail): Content {
  const { period, plan, usedTokens, tokenLimit, lines, amountDue } = summaryDetails.parse(details);
  return {
    subject: `Usage of ${team} in ${period}`,
    paragraphs: [
      `${team} used ${formatTokens(usedTokens)} tokens in ${period}; the ${plan} plan includes ${formatTokens(tokenLimit)}.`,
      whatBecomesOf(amountDue),
    ],
    figures: [
      ...lines.map((line) => ({
        label: `${lineLabels[line.kind]}, ${line.period}`,
        value: formatAmount(line.amount),
      })),
      { label: 'Due beside the plan', value: formatAmount(amountDue) },
    ],
  };
}

function whatBecomesOf(amountDue: number): string {
  if (amountDue === 0) return 'Nothing is due beside the plan.';
  if (amountDue < 0) return 'It is taken off a later invoice.';
  return 'It comes with a later invoice, to which tax is added; small amounts may be carried forward.';
}
