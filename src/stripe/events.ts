import Stripe from 'stripe';
import { z } from 'zod';
import type { StripeEvent } from '../db/stripeEvents.js';

/** What is acted on; every other type is stored and left alone. */
const handledTypes = new Set<string>([
  'checkout.session.completed',
  'customer.updated',
  'payment_method.attached',
  'payment_method.automatically_updated',
  'customer.subscription.created',
  'customer.subscription.updated',
  'customer.subscription.deleted',
  'customer.subscription.paused',
  'customer.subscription.resumed',
  'invoice.paid',
  'invoice.payment_failed',
  'invoice.payment_action_required',
  'invoice.voided',
  'invoice.marked_uncollectible',
  'invoice.finalized',
  'charge.dispute.created',
] satisfies Stripe.Event.Type[]);

const reference = z.union([z.string(), z.object({ id: z.string() }).transform(({ id }) => id)]);
const metadata = z.object({ team_id: z.string().optional() });

/** All that is read of an event, of whatever version (R19): ids, its type and `metadata.team_id`. */
const eventSchema = z.object({
  id: z.string().min(1),
  type: z.string().min(1),
  api_version: z.string().nullish(),
  created: z.int(),
  data: z.object({
    object: z.object({
      id: z.string().optional(),
      object: z.string(),
      customer: reference.nullish(),
      subscription: reference.nullish(),
      metadata: metadata.nullish(),
      parent: z
        .object({ subscription_details: z.object({ metadata: metadata.nullish() }).nullish() })
        .nullish(),
    }),
  }),
});

/** The signature fits none of the secrets, or is too old. */
export class ForgedEvent extends Error {
  override name = 'ForgedEvent';
}

/** Signed, but no event. */
export class MalformedEvent extends Error {
  override name = 'MalformedEvent';
}

/**
 * The event of a delivery, its signature verified over the raw body with any of the secrets, at
 * most 300 s old (R15). Throws `ForgedEvent` or `MalformedEvent`.
 */
export function readEvent(
  body: Buffer,
  signature: string,
  secrets: readonly string[],
): StripeEvent {
  if (!secrets.some((secret) => isSigned(body, signature, secret))) {
    throw new ForgedEvent('The signature does not fit the body, or is older than 300 seconds.');
  }
  const parsed = eventSchema.safeParse(parseJson(body));
  if (!parsed.success) throw new MalformedEvent('The body is not an event of Stripe.');
  const { id, type, api_version, created, data } = parsed.data;
  const { object } = data;
  const isCustomer = object.object === 'customer';
  const isCheckout = object.object === 'checkout.session';
  return {
    id,
    type,
    apiVersion: api_version ?? null,
    objectId: (isCheckout ? object.subscription : object.id) ?? null,
    teamHint:
      object.metadata?.team_id ?? object.parent?.subscription_details?.metadata?.team_id ?? null,
    customerId: (isCustomer ? object.id : object.customer) ?? null,
    ignored: !handledTypes.has(type),
    createdAt: new Date(created * 1000),
  };
}

const TOLERANCE_SECONDS = 300;

function isSigned(body: Buffer, signature: string, secret: string): boolean {
  try {
    Stripe.webhooks.constructEvent(body, signature, secret, TOLERANCE_SECONDS);
    return true;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeSignatureVerificationError) return false;
    // The signature is checked first: what fails after it is the body, which `readEvent` judges.
    if (error instanceof SyntaxError) return true;
    throw error;
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
