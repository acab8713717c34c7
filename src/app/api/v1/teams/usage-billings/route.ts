import { z } from 'zod';
import type { Pool } from '../../../../../db/pool.js';
import { findUsageBilling, listTeamBillings } from '../../../../../db/usageBillings.js';
import { explain } from '../../../../../services/explanation.js';
import { statementFile } from '../../../../../services/statement.js';
import type { TeamService } from '../../../../../services/teamService.js';
import { answer, endpoint } from '../../../../endpoint.js';
import { decodeCursor, page, pageOf, pageQuery } from '../../../../pagination.js';
import { Problem } from '../../../../problem.js';
import { noQuery, periodId, teamId, teamParams } from '../../../../schemas.js';
import { usageBillingBody, usageBillingSchema } from '../../usage-billings/usageBilling.js';
import { explainedBody, explanationSchema } from './explanation.js';

const recordParams = z.strictObject({ teamId, period: periodId });

const explainQuery = z.strictObject({
  explain: z
    .enum(['true', 'false'])
    .default('false')
    .meta({ description: 'Compute the record again, and show each step' }),
});

const pdf = z.custom<Buffer>().meta({ override: { type: 'string', format: 'binary' } });

const noRecord = (period: string) =>
  new Problem(404, 'unknown_usage_billing', `${period} has no record yet.`);

export const teamBillingEndpoints = (pool: Pool, teams: TeamService, zone: string) => [
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
    summary:
      'One record, with what it was computed from; explained, it is computed again, and 409 ' +
      '`record_mismatch` names each figure that is another one',
    scope: 'teams:read',
    params: recordParams,
    query: explainQuery,
    body: undefined,
    answers: { 200: usageBillingSchema.extend({ explanation: explanationSchema.optional() }) },
    problems: [404, 409],
    async handle({ params: { teamId, period }, query }) {
      if (query.explain === 'true') {
        const explained = await explain(pool, zone, teamId, period);
        if (explained === undefined) throw noRecord(period);
        return answer(200, explainedBody(explained));
      }
      await teams.require(teamId);
      const record = await findUsageBilling(pool, teamId, period);
      if (record === undefined) throw noRecord(period);
      return answer(200, usageBillingBody(record));
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/teams/{teamId}/usage-billings/{period}/statement.pdf',
    summary:
      'The record as a statement to print, with how each amount was computed; 409 `record_mismatch` as ' +
      'where it is explained',
    scope: 'teams:read',
    params: recordParams,
    query: noQuery,
    body: undefined,
    answers: { 200: pdf },
    mediaType: 'application/pdf',
    problems: [404, 409],
    async handle({ params: { teamId, period } }) {
      const file = await statementFile(pool, zone, teamId, period);
      if (file === undefined) throw noRecord(period);
      return {
        ...answer(200, file.content),
        headers: {
          'content-disposition': `attachment; filename="${file.name}"`,
          // Its status may be another one at any time.
          'cache-control': 'private, no-cache',
        },
      };
    },
  }),
];
