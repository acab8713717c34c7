import Stripe from 'stripe';
import { z } from 'zod';
import type { StripeEvent } from '../db/stripeEvents.js';

/** What is acted on; every other type is stored and left alone. */
const handledTypes = new Set<string>([
  'checkout.session.completed',
  'customer.updated',
  'payment_method.attached',
  'payment_method.updated',
  'payment_method.automatically_updated',
  'customer.subscription.created',
  'customer.subscription.updated',
  'customer.subscription.deleted',
  'customer.subscription.paused',
  'customer.subscription.resumed',
  'customer.subscription.trial_will_end',
  'customer.subscription.pending_update_applied',
  'customer.subscription.pending_update_expired',
  'subscription_schedule.created',
  'subscription_schedule.updated',
  'subscription_schedule.released',
  'subscription_schedule.canceled',
  'subscription_schedule.completed',
  'subscription_schedule.aborted',
  'invoice.paid',
  'invoice.payment_failed',
  'invoice.payment_action_required',
  'invoice.voided',
  'invoice.marked_uncollectible',
  'invoice.finalized',
  'charge.refunded',
  'charge.dispute.created',
  'charge.dispute.closed',
] satisfies Stripe.Event.Type[]);

/** Postgres keeps neither NUL nor half a character: an event with one could never be stored. */
const text = z.string().refine((value) => value.isWellFormed() && !value.includes('\0'));
const reference = z.union([text, z.object({ id: text }).transform(({ id }) => id)]);
const metadata = z.object({ team_id: text.optional() });

/** What these are about is the subscription that they name. */
const NAMES_SUBSCRIPTION = ['checkout.session', 'subscription_schedule'];

/** What a `Date` can hold. */
const LAST_SECOND = 8_640_000_000_000;

/** All that is read of an event, of whatever version (R19): ids, its type and `metadata.team_id`. */
const eventSchema = z.object({
  id: text.min(1),
  type: text.min(1),
  api_version: text.nullish(),
  created: z.int().min(0).max(LAST_SECOND),
  data: z.object({
    object: z.object({
      id: text.optional(),
      object: text,
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
  const ofSubscription = NAMES_SUBSCRIPTION.includes(object.object);
  return {
    id,
    type,
    apiVersion: api_version ?? null,
    objectId: (ofSubscription ? object.subscription : object.id) ?? null,
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
    return (
      Stripe.webhooks.signature?.verifyHeader(body, signature, secret, TOLERANCE_SECONDS) ?? false
    );
  } catch (error) {
    if (error instanceof Stripe.errors.StripeSignatureVerificationError) return false;
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
