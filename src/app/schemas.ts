import { z } from 'zod';
import { display, type Money } from '../domain/money.js';
import { catalogue, planIds } from '../domain/plans.js';
import { stripeStatuses } from '../domain/subscription.js';
import { TEAM_ID } from '../domain/team.js';

export const teamId = z
  .string()
  .regex(TEAM_ID, 'must be 1 to 64 of A-Z, a-z, 0-9, _ and -')
  .meta({ description: "The host product's own id of the team", example: 'acme' });

export const teamParams = z.strictObject({ teamId });

export const noQuery = z.strictObject({});

export const plan = z.enum(planIds);

export const subscriptionStatus = z.enum(['none', ...stripeStatuses]);

/** Text that Postgres can keep. */
export const text = (most: number) =>
  z
    .string()
    .max(most, `must have at most ${most} characters`)
    .refine((value) => value.isWellFormed() && !value.includes('\0'), {
      error: 'must be whole characters of Unicode, without NUL',
    });

export const periodId = z
  .string()
  .regex(/^2\d{3}-(0[1-9]|1[0-2])$/, 'must be a month, YYYY-MM')
  .meta({ description: 'A month in the billing time zone', example: '2026-11' });

/** An instant with an offset or `Z`. */
export const instant = z.iso
  .datetime({ offset: true, error: 'must be an ISO 8601 instant with an offset or Z' })
  .transform((text) => new Date(text));

export const tokenCount = z
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .max(1_000_000_000, 'must be at most 1,000,000,000');

const time = z.iso.datetime();

/** Where a browser is sent. Stripe takes up to 5,000 characters. */
export const webUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .max(5_000, 'must have at most 5,000 characters');

/** A page that was opened for one person: not to be kept. */
export const pageLink = z.object({ url: z.string() }).meta({ id: 'PageLink' });

export const moneySchema = z
  .object({
    amount: z.int().meta({ description: 'Minor units, before tax' }),
    currency: z.literal('idr'),
    display: z.string().meta({ example: 'Rp 299.000' }),
  })
  .meta({ id: 'Money' });

/** An amount of minor units as the API shows it. */
export function money(amount: number): z.input<typeof moneySchema> {
  const value: Money = { amount, currency: catalogue.currency };
  return { ...value, display: display(value) };
}

export const totalsShape = {
  period: periodId,
  usedTokens: z.int(),
  tokenLimit: z.int(),
  remainingTokens: z.int(),
  overageTokens: z.int(),
  overageCost: moneySchema,
  resetsAt: time,
};

export const accessSchema = z
  .object({
    allowed: z.boolean(),
    overageAllowed: z.boolean(),
    ai: z.enum(['full', 'limited', 'exhausted', 'locked']),
    dashboard: z.enum(['open', 'locked']),
    reason: z.enum(['ok', 'free_limit_reached', 'limited_by_payment', 'locked_by_payment']),
    remainingTokens: z.int(),
    resetsAt: time,
    fix: z.enum(['upgrade', 'update_payment_method', 'confirm_payment']).nullable(),
  })
  .meta({ id: 'Access' });

const dunning = z
  .object({
    strike: z.union([z.literal(1), z.literal(2), z.literal(3)]),
    invoiceId: z.string(),
    since: time,
    nextAttemptAt: time.nullable(),
    paused: z.boolean(),
    invoices: z.array(
      z.object({
        invoiceId: z.string(),
        strike: z.int(),
        amountDue: moneySchema,
        since: time,
        hostedInvoiceUrl: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'Dunning' });

export const teamSchema = z
  .object({
    teamId,
    name: z.string(),
    tier: plan,
    subscriptionStatus,
    stripeCustomerId: z.string().nullable(),
    stripeSubscriptionId: z.string().nullable(),
    currentPeriodEnd: time.nullable(),
    cancelAt: time.nullable(),
    pendingPlan: z.object({ plan, at: time }).nullable(),
    dunning: dunning.nullable(),
    access: accessSchema,
  })
  .meta({ id: 'Team' });

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ example: 'unknown_team' }),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    hostedInvoiceUrl: z
      .string()
      .nullable()
      .optional()
      .meta({ description: 'Of `payment_required`: the page on which the invoice is paid' }),
  })
  .meta({ id: 'Problem' });
