import { z } from 'zod';
import type { Step } from '../../../../../domain/explanation.js';
import { catalogue } from '../../../../../domain/plans.js';
import { stepText } from '../../../../../domain/stepText.js';
import type { Explained } from '../../../../../services/explanation.js';
import { money, moneySchema, periodId, plan } from '../../../../schemas.js';
import { ratingAmounts, ratingShape, usageBillingBody } from '../../usage-billings/usageBilling.js';

const step = <K extends Step['kind'], S extends z.ZodRawShape>(kind: K, shape: S) =>
  z.object({
    kind: z.literal(kind),
    period: periodId,
    text: z.string().meta({ description: 'The step in a sentence, in minor units' }),
    ...shape,
  });

const counted = z.object({ events: z.int(), tokens: z.int() });

const stepSchema = z
  .discriminatedUnion('kind', [
    step('usage', {
      usedTokens: z.int(),
      counted: z
        .object({ metered: counted, corrections: counted })
        .nullable()
        .meta({ description: 'Null where events are past retention' }),
      verifiedAt: z.iso
        .datetime()
        .nullable()
        .meta({ description: 'When its close counted its totals against its events' }),
    }),
    step('plan', {
      plan,
      held: z.array(
        z.object({
          plan,
          subscriptionId: z.string(),
          from: z.iso.datetime(),
          to: z.iso.datetime().nullable(),
        }),
      ),
      heardSince: z.boolean().meta({
        description: 'The plan history is another one since: a later record has the difference',
      }),
    }),
    step('rating', ratingShape),
    step('late', {
      billedTokens: z.int(),
      billedAmount: moneySchema,
      tokens: z.int(),
      amount: moneySchema,
    }),
    step('carried', { amount: moneySchema }),
    step('sum', { amounts: z.array(moneySchema), amountDue: moneySchema }),
    step('digest', { digest: z.string() }),
    step('stripe', {
      status: z.string(),
      stripeInvoiceItemId: z.string().nullable(),
      stripeInvoiceId: z.string().nullable(),
    }),
  ])
  .meta({ id: 'ExplanationStep' });

export const explanationSchema = z
  .object({ steps: z.array(stepSchema) })
  .meta({ id: 'Explanation', description: 'Where it was asked for by `explain=true`' });

/** A record with how it was computed, as the API shows it. */
export function explainedBody({ record, steps }: Explained) {
  return { ...usageBillingBody(record), explanation: { steps: steps.map(stepBody) } };
}

function stepBody(given: Step): z.input<typeof stepSchema> {
  const text = stepText(given, catalogue.currency);
  switch (given.kind) {
    case 'usage':
    case 'digest':
    case 'stripe':
      return { ...given, text };
    case 'plan':
      return { ...given, text, held: [...given.held] };
    case 'rating':
      return { ...given, text, ...ratingAmounts(given) };
    case 'late': {
      const { billedAmount, amount } = given;
      return { ...given, text, billedAmount: money(billedAmount), amount: money(amount) };
    }
    case 'carried':
      return { ...given, text, amount: money(given.amount) };
    case 'sum': {
      const { amounts, amountDue } = given;
      return { ...given, text, amounts: amounts.map(money), amountDue: money(amountDue) };
    }
  }
}
