import type Stripe from 'stripe';
import { invalid } from '../../http/error.js';
import { params, range, text } from '../../http/params.js';
import { type Account, newId } from '../account.js';
import { DAY } from '../billing/period.js';
import { listRoute, route } from '../route.js';

/** Days that there are to answer a dispute. */
const DAYS_TO_RESPOND = 9;

/** The cardholder goes to the bank about a charge. */
export function disputeCharge(account: Account, charge: Stripe.Charge): Stripe.Dispute {
  if (charge.status !== 'succeeded') throw invalid('Only a charge that succeeded is disputed.');
  if (charge.disputed) throw invalid(`Charge ${charge.id} has already been disputed.`);
  account.set(charge, { disputed: true });
  const created = account.now(account.clockOf(charge));
  const dispute = account.create<Stripe.Dispute>({
    id: newId('du'),
    object: 'dispute',
    amount: charge.amount,
    balance_transactions: [],
    charge: charge.id,
    created,
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: NO_EVIDENCE,
    evidence_details: {
      due_by: created + DAYS_TO_RESPOND * DAY,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: 'not_submitted',
    },
    intended_submission_method: null,
    is_charge_refundable: false,
    livemode: false,
    metadata: {},
    payment_intent: charge.payment_intent,
    payment_method_details: {
      card: {
        brand: 'visa',
        case_type: 'chargeback',
        network: 'visa',
        network_reason_code: '10.4',
      },
      type: 'card',
    },
    reason: 'fraudulent',
    status: 'needs_response',
  });
  account.emit('charge.dispute.funds_withdrawn', dispute);
  return dispute;
}

/** The bank has decided. Who wins gets the money back. */
export function closeDispute(
  account: Account,
  dispute: Stripe.Dispute,
  status: 'won' | 'lost',
): Stripe.Dispute {
  if (dispute.status !== 'needs_response') throw invalid('This dispute is already closed.');
  account.set(dispute, { status, is_charge_refundable: status === 'won' });
  if (status === 'won') account.emit('charge.dispute.funds_reinstated', dispute);
  account.emit('charge.dispute.closed', dispute, { status: 'needs_response' });
  return dispute;
}

const NO_EVIDENCE: Stripe.Dispute.Evidence = {
  access_activity_log: null,
  billing_address: null,
  cancellation_policy: null,
  cancellation_policy_disclosure: null,
  cancellation_rebuttal: null,
  customer_communication: null,
  customer_email_address: null,
  customer_name: null,
  customer_purchase_ip: null,
  customer_signature: null,
  duplicate_charge_documentation: null,
  duplicate_charge_explanation: null,
  duplicate_charge_id: null,
  enhanced_evidence: {},
  product_description: null,
  receipt: null,
  refund_policy: null,
  refund_policy_disclosure: null,
  refund_refusal_explanation: null,
  service_date: null,
  service_documentation: null,
  shipping_address: null,
  shipping_carrier: null,
  shipping_date: null,
  shipping_documentation: null,
  shipping_tracking_number: null,
  uncategorized_file: null,
  uncategorized_text: null,
};

export const disputeRoutes = [
  route('get', '/v1/disputes/:id', params({}), (account, _, id) => account.get('dispute', id)),
  // Nothing is said against it, which loses it.
  route('post', '/v1/disputes/:id/close', params({}), (account, _, id) =>
    closeDispute(account, account.get('dispute', id), 'lost'),
  ),
  listRoute(
    '/v1/disputes',
    'dispute',
    { charge: text.optional(), payment_intent: text.optional(), created: range.optional() },
    ({ charge, payment_intent, created }) => ({ charge, payment_intent, created }),
  ),
];
