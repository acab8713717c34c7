import { z } from 'zod';
import { parsePeriod, periodAt } from '../../../../../domain/period.js';
import type { BillingService } from '../../../../../services/billingService.js';
import { answer, endpoint } from '../../../../endpoint.js';
import { periodId, teamParams, totalsShape } from '../../../../schemas.js';
import { totalsBody } from '../../usage/route.js';

const usage = z
  .object({
    ...totalsShape,
    days: z.array(z.object({ day: z.iso.date(), tokens: z.int() })),
  })
  .meta({ id: 'Usage' });

export const teamUsageEndpoints = (billing: BillingService, zone: string) => [
  endpoint({
    method: 'get',
    path: '/api/v1/teams/{teamId}/usage',
    summary: 'The totals of a period, by default the open one, and its days with usage',
    scope: 'teams:read',
    params: teamParams,
    query: z.strictObject({ period: periodId.optional() }),
    body: undefined,
    answers: { 200: usage },
    problems: [404],
    async handle({ params: { teamId }, query }) {
      const open = periodAt(new Date(), zone);
      const period = query.period === undefined ? open : (parsePeriod(query.period, zone) ?? open);
      const { totals, days } = await billing.usage(teamId, period);
      return answer(200, { ...totalsBody(totals), days });
    },
  }),
];
