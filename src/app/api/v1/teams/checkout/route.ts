import { z } from 'zod';
import type { StripePages } from '../../../../../services/stripePages.js';
import { answer, endpoint } from '../../../../endpoint.js';
import { noQuery, pageLink, plan, teamParams, webUrl } from '../../../../schemas.js';

const checkoutBody = z.strictObject({
  plan: plan.exclude(['free']),
  successUrl: webUrl.meta({
    description: 'Where the admin goes after subscribing; Stripe fills in {CHECKOUT_SESSION_ID}',
  }),
  cancelUrl: webUrl.meta({ description: 'Where the admin goes who turns back' }),
});

export const checkoutEndpoints = (pages: StripePages) => [
  endpoint({
    method: 'post',
    path: '/api/v1/teams/{teamId}/checkout',
    summary: "Open Stripe's page on which the team subscribes to a plan",
    scope: 'teams:write',
    params: teamParams,
    query: noQuery,
    body: checkoutBody,
    answers: { 200: pageLink },
    problems: [404, 409, 502],
    async handle({ params: { teamId }, body }) {
      return answer(200, { url: await pages.checkout(teamId, body) });
    },
  }),
];
