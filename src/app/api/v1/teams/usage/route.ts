import { z } from 'zod';
import { parsePeriod, periodAt } from '../../../../../domain/period.js';
import type { BillingService } from '../../../../../services/billingService.js';
import { answer, endpoint } from '../../../../endpoint.js';
import { periodId, teamParams, totalsShape } from '../../../../schemas.js';
import { totalsBody } from '../../usage/usageBody.js';

export const usage = z
  .object({
    ...totalsShape,
    days: z.array(z.object({ day: z.iso.date(), tokens: z.int() })),
    groups: z
      .array(z.object({ key: z.string(), tokens: z.int() }))
      .optional()
      .meta({
        description:
          'Tokens by the values of `groupBy`; `(none)` has no value, `(other)` is past 200 values a day',
      }),
  })
  .meta({ id: 'Usage' });

export const teamUsageEndpoints = (
  billing: BillingService,
  zone: string,
  groupKeys: readonly string[],
) => [
  endpoint({
    method: 'get',
    path: '/api/v1/teams/{teamId}/usage',
    summary: 'The totals of a period, by default the open one, its days with usage, and its groups',
    scope: 'teams:read',
    params: teamParams,
    query: z.strictObject({
      period: periodId.optional(),
      groupBy: z
        .enum(
          groupKeys,
          `must be a key of USAGE_GROUP_KEYS: ${groupKeys.join(', ') || 'there is none'}`,
        )
        .optional()
        .meta({ description: 'A metadata key' }),
    }),
    body: undefined,
    answers: { 200: usage },
    problems: [404],
    async handle({ params: { teamId }, query }) {
      const open = periodAt(new Date(), zone);
      const period = query.period === undefined ? open : (parsePeriod(query.period, zone) ?? open);
      const { totals, days, groups } = await billing.usage(teamId, period, query.groupBy);
      return answer(200, { ...totalsBody(totals), days, ...(groups && { groups }) });
    },
  }),
];
