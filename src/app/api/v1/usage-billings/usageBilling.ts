import { z } from 'zod';
import { billingStatuses, type UsageBilling } from '../../../../db/usageBillings.js';
import { money, moneySchema, periodId, plan } from '../../../schemas.js';

export const billingStatus = z.enum(billingStatuses);

/** How a month's usage was rated, of a record and of the step that explains it. */
export const ratingShape = {
  planVersion: z.string(),
  usedTokens: z.int(),
  tokenLimit: z.int(),
  overageTokens: z.int(),
  ratePer1000: moneySchema.nullable(),
  overageCost: moneySchema,
};

/** The amounts of a rating as the API shows them. */
export const ratingAmounts = ({
  ratePer1000,
  overageCost,
}: Pick<UsageBilling, 'ratePer1000' | 'overageCost'>) => ({
  ratePer1000: ratePer1000 === null ? null : money(ratePer1000),
  overageCost: money(overageCost),
});

export const usageBillingSchema = z
  .object({
    teamId: z.string(),
    period: periodId,
    plan,
    ...ratingShape,
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
    failure: z.string().nullable().meta({
      description:
        "Why it failed: Stripe's code, or `item_deleted_at_stripe`, `amount_differs_at_stripe`, `no_answer_of_stripe`",
    }),
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
    ...ratingAmounts(record),
    lines: record.lines.map((line) => ({ ...line, amount: money(line.amount) })),
    amountDue: money(record.amountDue),
    watermark: record.watermark.toISOString(),
    createdAt: record.createdAt.toISOString(),
    billedAt: record.billedAt?.toISOString() ?? null,
  };
}
