import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Act } from '../../../../../domain/team.js';
import type { OperatorService } from '../../../../../services/operatorService.js';
import type { TeamService } from '../../../../../services/teamService.js';
import { answer, endpoint } from '../../../../endpoint.js';
import { Problem } from '../../../../problem.js';
import { instant, noQuery, teamId, teamSchema, text } from '../../../../schemas.js';
import { teamBody } from '../teamBody.js';

const actions = {
  'retry-payment': 'retryPayment',
  'extend-grace': 'extendGrace',
  'pause-dunning': 'pauseDunning',
  'resume-dunning': 'resumeDunning',
  waive: 'waive',
  resync: 'resync',
} as const;

const actBody = z.strictObject({
  actor: text(200).min(1, 'must not be empty').meta({ description: 'Who acts' }),
  reason: text(1_000).min(1, 'must not be empty'),
  invoiceId: z
    .string()
    .regex(/^in_\w{1,100}$/, 'must be an invoice id of Stripe, in_…')
    .optional(),
  until: instant
    .optional()
    .meta({ description: 'The end of the grace: of `extend-grace`, which needs it, alone' }),
  idempotencyKey: z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 printable ASCII characters')
    .optional()
    .meta({ description: 'The same key joins the first act' }),
});

const untilMisplaced = new Problem(400, 'invalid_request', 'extend-grace alone has an until.', {
  errors: [{ path: 'until', message: 'is required by extend-grace, and by nothing else' }],
});

export const actionEndpoints = (operators: OperatorService, teams: TeamService) => [
  endpoint({
    method: 'post',
    path: '/api/v1/teams/{teamId}/actions/{action}',
    summary: 'Act on a team; 202 when the effect is not written within some seconds',
    scope: 'operate',
    params: z.strictObject({
      teamId,
      action: z.enum(Object.keys(actions) as (keyof typeof actions)[]),
    }),
    query: noQuery,
    body: actBody,
    answers: { 200: teamSchema, 202: teamSchema.extend({ updateId: z.string() }) },
    problems: [404, 409],
    async handle({ params, body: { idempotencyKey, invoiceId = null, until, ...who } }) {
      const action = actions[params.action];
      if ((action === 'extendGrace') !== (until !== undefined)) throw untilMisplaced;
      const act: Act = {
        kind: 'act',
        id: idempotencyKey ?? randomUUID(),
        action,
        ...who,
        invoiceId,
        ...(until !== undefined && { until: until.toISOString() }),
      };
      const result = await operators.act(params.teamId, act);
      const team = teamBody(await teams.get(params.teamId, new Date()));
      return result.done ? answer(200, team) : answer(202, { ...team, updateId: result.updateId });
    },
  }),
];
