import { z } from 'zod';
import type { BillingService } from '../../../../../services/billingService.js';
import { answer, endpoint } from '../../../../endpoint.js';
import { accessSchema, teamParams } from '../../../../schemas.js';
import { accessBody } from '../../usage/usageBody.js';

const tokens = z.coerce
  .number('must be a number')
  .pipe(z.int().min(1).max(1_000_000_000))
  .default(1)
  .meta({ description: 'How many tokens more are wanted' });

export const accessEndpoints = (billing: BillingService) => [
  endpoint({
    method: 'get',
    path: '/api/v1/teams/{teamId}/access',
    summary: 'Whether the team may go on; `allowed` alone is enough to decide',
    scope: 'teams:read',
    params: teamParams,
    query: z.strictObject({ tokens }),
    body: undefined,
    answers: { 200: accessSchema },
    problems: [404],
    async handle({ params: { teamId }, query }) {
      const access = await billing.access(teamId, query.tokens, new Date());
      return answer(200, accessBody(access));
    },
  }),
];
