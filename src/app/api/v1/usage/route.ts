import { z } from 'zod';
import type { BillingService, TeamAccess, Totals } from '../../../../services/billingService.js';
import { answer, endpoint } from '../../../endpoint.js';
import { requireTeam } from '../../../mount.js';
import {
  accessSchema,
  instant,
  money,
  noQuery,
  periodId,
  teamId,
  text,
  tokenCount,
  totalsShape,
} from '../../../schemas.js';

const metadata = z
  .record(
    z.string().regex(/^[A-Za-z0-9_.-]{1,40}$/, 'must be 1 to 40 of A-Z, a-z, 0-9, _, . and -'),
    text(200),
  )
  .refine((entries) => Object.keys(entries).length <= 20, 'must have at most 20 keys');

const usageEvent = z.strictObject({
  teamId,
  idempotencyKey: z
    .string()
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]{1,255}$/u, 'must be 1 to 255 printable characters')
    .meta({ description: 'Names this usage within its team: the same key counts once' }),
  tokens: tokenCount,
  occurredAt: instant.optional(),
  metadata: metadata.optional(),
});

const tracked = z
  .object({
    result: z.enum(['recorded', 'duplicate']),
    billedIn: periodId,
    ...totalsShape,
    access: accessSchema,
  })
  .meta({ id: 'TrackedUsage' });

export const totalsBody = ({ period, ratePer1000: _, ...totals }: Totals) => ({
  ...totals,
  period: period.id,
  overageCost: money(totals.overageCost),
  resetsAt: period.end.toISOString(),
});

export const accessBody = (access: TeamAccess) => ({
  ...access,
  resetsAt: access.resetsAt.toISOString(),
});

export const usageEndpoints = (billing: BillingService) => [
  endpoint({
    method: 'post',
    path: '/api/v1/usage',
    summary: "Record a team's usage; the answer holds its exact total, already on disk",
    scope: 'usage:write',
    params: z.strictObject({}),
    query: noQuery,
    body: usageEvent,
    answers: { 200: tracked },
    problems: [404, 409],
    async handle({ body: event, key }) {
      requireTeam(key, event.teamId);
      const usage = { ...event, metadata: event.metadata ?? {} };
      const { result, totals, billedIn, access } = await billing.trackUsage(usage, new Date());
      const body = { result, billedIn, ...totalsBody(totals), access: accessBody(access) };
      return answer(200, body);
    },
  }),
];
