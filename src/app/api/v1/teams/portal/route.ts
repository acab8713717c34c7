import { z } from 'zod';
import type { StripePages } from '../../../../../services/stripePages.js';
import { answer, endpoint } from '../../../../endpoint.js';
import { noQuery, pageLink, teamParams, webUrl } from '../../../../schemas.js';

const portalBody = z
  .strictObject({
    returnUrl: webUrl
      .optional()
      .meta({ description: "Where the portal leads back to; else as Stripe's settings say" }),
  })
  .default({});

export const portalEndpoints = (pages: StripePages) => [
  endpoint({
    method: 'post',
    path: '/api/v1/teams/{teamId}/portal',
    summary: "Open Stripe's portal, on which the team manages its card and subscription",
    scope: 'teams:write',
    params: teamParams,
    query: noQuery,
    body: portalBody,
    answers: { 200: pageLink },
    problems: [404, 409, 502],
    async handle({ params: { teamId }, body: { returnUrl } }) {
      return answer(200, { url: await pages.portal(teamId, returnUrl) });
    },
  }),
];
