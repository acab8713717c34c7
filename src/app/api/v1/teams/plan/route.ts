import { z } from 'zod';
import type { PlanService } from '../../../../../services/planService.js';
import { answer, endpoint } from '../../../../endpoint.js';
import { noQuery, plan, teamParams, teamSchema } from '../../../../schemas.js';
import { teamBody } from '../teamBody.js';

const planBody = z.strictObject({
  plan: plan.meta({
    description:
      'A larger plan begins at once: 409 `payment_required`, with the invoice to pay, while it is not paid. ' +
      "A smaller one begins at the period's end (`pendingPlan`); `free` ends the subscription then (`cancelAt`). " +
      'The current one undoes what was to come.',
  }),
});

export const planEndpoints = (plans: PlanService) => [
  endpoint({
    method: 'post',
    path: '/api/v1/teams/{teamId}/plan',
    summary: 'Change the plan of a subscribed team',
    scope: 'teams:write',
    params: teamParams,
    query: noQuery,
    body: planBody,
    answers: { 200: teamSchema },
    problems: [404, 409, 502],
    async handle({ params: { teamId }, body, key }) {
      const wish = { teamId, plan: body.plan, actor: key.name };
      return answer(200, teamBody(await plans.change(wish, new Date())));
    },
  }),
];
