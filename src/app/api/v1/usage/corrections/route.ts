import { z } from 'zod';
import { parsePeriod } from '../../../../../domain/period.js';
import type { BillingService } from '../../../../../services/billingService.js';
import { answer, endpoint } from '../../../../endpoint.js';
import { requireTeam } from '../../../../mount.js';
import { noQuery, periodId, teamId, text } from '../../../../schemas.js';
import { idempotencyKey, trackedBody, trackedSchema } from '../usageBody.js';

const MOST = 1_000_000_000;

export const correctionEndpoints = (billing: BillingService, zone: string) => [
  endpoint({
    method: 'post',
    path: '/api/v1/usage/corrections',
    summary: 'Correct the usage of a month, up or down; of a closed one it becomes a late line',
    scope: 'operate',
    params: z.strictObject({}),
    query: noQuery,
    body: z.strictObject({
      teamId,
      idempotencyKey,
      tokens: z
        .int('must be a whole number')
        .min(-MOST, 'must be at least -1,000,000,000')
        .max(MOST, 'must be at most 1,000,000,000')
        .refine((tokens) => tokens !== 0, 'must not be 0')
        .meta({ description: 'Added to what is recorded; may be negative' }),
      period: periodId.transform((id, context) => {
        const period = parsePeriod(id, zone);
        if (period === undefined) context.addIssue('must be a month, YYYY-MM');
        return period ?? z.NEVER;
      }),
      reason: text(1_000).min(1, 'must not be empty'),
      actor: text(200).min(1, 'must not be empty').meta({ description: 'Who corrects' }),
    }),
    answers: { 200: trackedSchema },
    problems: [404, 409],
    async handle({ body: correction, key }) {
      requireTeam(key, correction.teamId);
      return answer(200, trackedBody(await billing.correctUsage(correction, new Date())));
    },
  }),
];
