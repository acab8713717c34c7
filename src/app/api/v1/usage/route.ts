import { z } from 'zod';
import type { BillingService } from '../../../../services/billingService.js';
import { answer, endpoint } from '../../../endpoint.js';
import { requireTeam } from '../../../mount.js';
import { noQuery } from '../../../schemas.js';
import { trackedBody, trackedSchema, usageEvent } from './usageBody.js';

export const usageEndpoints = (billing: BillingService) => [
  endpoint({
    method: 'post',
    path: '/api/v1/usage',
    summary: "Record a team's usage; the answer holds its exact total, already on disk",
    scope: 'usage:write',
    params: z.strictObject({}),
    query: noQuery,
    body: usageEvent,
    answers: { 200: trackedSchema },
    problems: [404, 409],
    async handle({ body: usage, key }) {
      requireTeam(key, usage.teamId);
      return answer(200, trackedBody(await billing.trackUsage(usage, new Date())));
    },
  }),
];
