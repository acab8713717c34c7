import { z } from 'zod';
import type { TeamEmail } from '../db/emails.js';
import { formatTokens } from './format.js';
import type { Content } from './layout.js';

const thresholdDetails = z.object({
  period: z.string(),
  plan: z.string(),
  usedTokens: z.int(),
  tokenLimit: z.int(),
});

const shares = { 'usage-80': '80 %', 'usage-100': 'all' } as const;

/** Tells that 80 or 100 % of the tokens that the plan includes are used, and what comes next (R14); undefined for other kinds. */
export function usageThreshold({ kind, teamName: team, details }: TeamEmail): Content | undefined {
  if (kind !== 'usage-80' && kind !== 'usage-100') return undefined;
  const { period, plan, usedTokens, tokenLimit } = thresholdDetails.parse(details);
  return {
    subject: `${team} has used ${shares[kind]} of its tokens for ${period}`,
    paragraphs: [
      `${team} has used ${formatTokens(usedTokens)} of the ${formatTokens(tokenLimit)} tokens that its ${plan} plan includes in ${period}.`,
      plan === 'free'
        ? 'Beyond them AI stops until the next month begins, or you upgrade.'
        : 'Usage beyond them goes on, and comes with a later invoice.',
    ],
  };
}
