import { z } from 'zod';
import type { Pool } from '../../../../db/pool.js';
import { listUsageBillings } from '../../../../db/usageBillings.js';
import { answer, endpoint } from '../../../endpoint.js';
import { requireUnbound } from '../../../mount.js';
import { decodeCursor, page, pageOf, pageQuery } from '../../../pagination.js';
import { periodId, teamId } from '../../../schemas.js';
import { billingStatus, usageBillingBody, usageBillingSchema } from './usageBilling.js';

const position = z.object({ period: periodId, teamId });

export const usageBillingEndpoints = (pool: Pool) => [
  endpoint({
    method: 'get',
    path: '/api/v1/usage-billings',
    summary: 'The records of all teams, for finance',
    scope: 'teams:read',
    params: z.strictObject({}),
    query: z.strictObject({
      ...pageQuery,
      period: periodId.optional(),
      status: billingStatus.optional(),
    }),
    body: undefined,
    answers: { 200: pageOf(usageBillingSchema) },
    problems: [],
    async handle({ query: { limit, cursor, ...filter }, key }) {
      requireUnbound(key);
      const after = decodeCursor(cursor, position) ?? { period: '', teamId: '' };
      const rows = await listUsageBillings(pool, filter, after, limit + 1);
      const place = ({ period, teamId }: { period: string; teamId: string }) => ({
        period,
        teamId,
      });
      return answer(200, page(rows, limit, usageBillingBody, place));
    },
  }),
];
