import { z } from 'zod';
import type { TeamAccess, Totals, Tracked } from '../../../../services/billingService.js';
import {
  accessSchema,
  instant,
  money,
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

export const idempotencyKey = z
  .string()
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]{1,255}$/u, 'must be 1 to 255 printable characters')
  .meta({ description: 'Names this usage within its team: the same key counts once' });

export const usageEvent = z
  .strictObject({
    teamId,
    idempotencyKey,
    tokens: tokenCount,
    occurredAt: instant.optional(),
    metadata: metadata.default({}),
  })
  .meta({ id: 'UsageEvent' });

export const trackedSchema = z
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

export const trackedBody = ({ result, billedIn, totals, access }: Tracked) => ({
  result,
  billedIn,
  ...totalsBody(totals),
  access: accessBody(access),
});
