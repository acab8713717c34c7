import { z } from 'zod';
import type { BillingService } from '../../../../../services/billingService.js';
import { answer, endpoint } from '../../../../endpoint.js';
import { money, moneySchema, noQuery, periodId, plan, teamParams } from '../../../../schemas.js';

const preview = z
  .object({
    period: periodId,
    plan: plan.meta({ description: 'What usage is rated with: the highest of the period' }),
    lines: z.array(
      z.object({
        kind: z.enum(['base', 'overage', 'late', 'carried']),
        period: periodId.meta({ description: 'The month that the line is for' }),
        tokens: z.int().meta({ description: 'Those that the amount is for; 0 for a fixed one' }),
        amount: moneySchema,
      }),
    ),
    total: moneySchema,
  })
  .meta({ id: 'InvoicePreview' });

export const invoicePreviewEndpoints = (billing: BillingService) => [
  endpoint({
    method: 'get',
    path: '/api/v1/teams/{teamId}/invoice-preview',
    summary: 'What the open period would cost if it ended now, line by line',
    scope: 'teams:read',
    params: teamParams,
    query: noQuery,
    body: undefined,
    answers: { 200: preview },
    problems: [404],
    async handle({ params: { teamId } }) {
      const { lines, total, ...rest } = await billing.invoicePreview(teamId, new Date());
      const shown = lines.map((line) => ({ ...line, amount: money(line.amount) }));
      return answer(200, { ...rest, lines: shown, total: money(total) });
    },
  }),
];
