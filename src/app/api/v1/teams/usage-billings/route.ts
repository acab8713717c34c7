import { z } from 'zod';
import type { Pool } from '../../../../../db/pool.js';
import { findUsageBilling, listTeamBillings } from '../../../../../db/usageBillings.js';
import type { TeamService } from '../../../../../services/teamService.js';
import { answer, endpoint } from '../../../../endpoint.js';
import { decodeCursor, page, pageOf, pageQuery } from '../../../../pagination.js';
import { Problem } from '../../../../problem.js';
import { noQuery, periodId, teamId, teamParams } from '../../../../schemas.js';
import { usageBillingBody, usageBillingSchema } from '../../usage-billings/usageBilling.js';

export const teamBillingEndpoints = (pool: Pool, teams: TeamService) => [
  endpoint({
    method: 'get',
    path: '/api/v1/teams/{teamId}/usage-billings',
    summary: "The team's records, the latest period first",
    scope: 'teams:read',
    params: teamParams,
    query: z.strictObject(pageQuery),
    body: undefined,
    answers: { 200: pageOf(usageBillingSchema) },
    problems: [404],
    async handle({ params, query: { limit, cursor } }) {
      await teams.require(params.teamId);
      const before = decodeCursor(cursor, z.string()) ?? '9999-12';
      const rows = await listTeamBillings(pool, params.teamId, before, limit + 1);
      return answer(
        200,
        page(rows, limit, usageBillingBody, ({ period }) => period),
      );
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/teams/{teamId}/usage-billings/{period}',
    summary: 'One record, with what it was computed from',
    scope: 'teams:read',
    params: z.strictObject({ teamId, period: periodId }),
    query: noQuery,
    body: undefined,
    answers: { 200: usageBillingSchema },
    problems: [404],
    async handle({ params }) {
      await teams.require(params.teamId);
      const record = await findUsageBilling(pool, params.teamId, params.period);
      if (record === undefined) {
        throw new Problem(404, 'unknown_usage_billing', `${params.period} has no record yet.`);
      }
      return answer(200, usageBillingBody(record));
    },
  }),
];
