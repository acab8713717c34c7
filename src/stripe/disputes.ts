import type Stripe from 'stripe';
import { unlessMissing } from './errors.js';
import { idOf } from './values.js';

/** Whose charge is disputed (R18); null for a charge without a customer, or a dispute that Stripe does not have. */
export async function customerOfDispute(stripe: Stripe, disputeId: string): Promise<string | null> {
  const dispute = await unlessMissing(stripe.disputes.retrieve(disputeId, { expand: ['charge'] }));
  return typeof dispute?.charge === 'object' ? idOf(dispute.charge.customer) : null;
}
