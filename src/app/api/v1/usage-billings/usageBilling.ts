import { z } from 'zod';
import { billingStatuses, type UsageBilling } from '../../../../db/usageBillings.js';
import { money, moneySchema, periodId, plan } from '../../../schemas.js';

export const billingStatus = z.enum(billingStatuses);

export const usageBillingSchema = z
  .object({
    teamId: z.string(),
    period: periodId,
    plan,
    planVersion: z.string(),
    usedTokens: z.int(),
    tokenLimit: z.int(),
    overageTokens: z.int(),
    ratePer1000: moneySchema.nullable(),
    overageCost: moneySchema,
    lines: z.array(
      z.object({
        kind: z.enum(['overage', 'late', 'carried']),
        period: periodId,
        tokens: z.int(),
        amount: moneySchema,
      }),
    ),
    amountDue: moneySchema,
    status: billingStatus,
    stripeInvoiceItemId: z.string().nullable(),
    stripeInvoiceId: z.string().nullable(),
    watermark: z.iso.datetime().meta({ description: 'What was committed by then was rated' }),
    digest: z.string(),
    createdAt: z.iso.datetime(),
    billedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'UsageBilling' });

/** A record as the API shows it. */
export function usageBillingBody({ generation: _, tried: __, ...record }: UsageBilling) {
  return {
    ...record,
    ratePer1000: record.ratePer1000 === null ? null : money(record.ratePer1000),
    overageCost: money(record.overageCost),
    lines: record.lines.map((line) => ({ ...line, amount: money(line.amount) })),
    amountDue: money(record.amountDue),
    watermark: record.watermark.toISOString(),
    createdAt: record.createdAt.toISOString(),
    billedAt: record.billedAt?.toISOString() ?? null,
  };
}
