import type Stripe from 'stripe';
import type { Dispute, Refund } from '../domain/team.js';
import { unlessMissing } from './errors.js';
import { idOf } from './values.js';

/** Statuses in which no money has gone back, or it has come again. */
const FAILED = ['failed', 'canceled'];

/** The refunds of charges, oldest first. */
export async function readRefunds(stripe: Stripe, chargeIds: readonly string[]): Promise<Refund[]> {
  const lists = chargeIds.map(async (chargeId) => {
    const listed = stripe.refunds
      .list({ charge: chargeId, limit: 100 })
      .autoPagingToArray({ limit: 1_000 });
    const refunds = (await unlessMissing(listed)) ?? [];
    return refunds
      .toReversed()
      .filter(({ status }) => !FAILED.includes(status ?? ''))
      .map(({ id, amount, customer }) => ({ id, chargeId, customerId: idOf(customer), amount }));
  });
  return (await Promise.all(lists)).flat();
}

/** How a dispute ends (docs.stripe.com/api/disputes/object#dispute_object-status). */
const CLOSED = new Set<string>([
  'won',
  'lost',
  'warning_closed',
  'prevented',
] satisfies Stripe.Dispute.Status[]);

/** Disputes as they are; not those that Stripe does not have. */
export async function readDisputes(
  stripe: Stripe,
  disputeIds: readonly string[],
): Promise<Dispute[]> {
  const found = disputeIds.map((id) => unlessMissing(stripe.disputes.retrieve(id)));
  return (await Promise.all(found)).flatMap((dispute) => {
    if (dispute === undefined) return [];
    const { id, charge, amount, reason, status } = dispute;
    return [
      { id, chargeId: idOf(charge), amount, reason, closedAs: CLOSED.has(status) ? status : null },
    ];
  });
}

/** Whose charge is disputed (R18); null for a charge without a customer, or a dispute that Stripe does not have. */
export async function customerOfDispute(stripe: Stripe, disputeId: string): Promise<string | null> {
  const dispute = await unlessMissing(stripe.disputes.retrieve(disputeId, { expand: ['charge'] }));
  return typeof dispute?.charge === 'object' ? idOf(dispute.charge.customer) : null;
}
