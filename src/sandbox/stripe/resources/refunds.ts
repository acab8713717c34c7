import type Stripe from 'stripe';
import { z } from 'zod';
import { invalid } from '../../http/error.js';
import { integer, metadata, params, range, text } from '../../http/params.js';
import { type Account, idOf, mergeMetadata, newId } from '../account.js';
import { listRoute, route } from '../route.js';

interface RefundWish {
  amount?: number | undefined;
  reason?: Stripe.Refund.Reason | undefined;
  metadata?: Stripe.Metadata | '' | undefined;
}

/** Gives back a charge, or a part of it. The invoice that it paid stays paid. */
export function refundCharge(
  account: Account,
  charge: Stripe.Charge,
  { amount, reason, metadata: wanted }: RefundWish = {},
): Stripe.Refund {
  const left = charge.amount_captured - charge.amount_refunded;
  if (charge.status !== 'succeeded')
    throw invalid(`Charge ${charge.id} did not succeed and can not be refunded.`, {
      code: 'charge_not_refundable',
    });
  if (account.store.newest('dispute', { charge: charge.id, status: { not: 'won' } }))
    throw invalid(`Charge ${charge.id} has been charged back; cannot issue a refund.`, {
      code: 'charge_disputed',
    });
  if (left === 0)
    throw invalid(`Charge ${charge.id} has already been refunded.`, {
      code: 'charge_already_refunded',
    });
  const given = amount ?? left;
  if (given < 1)
    throw invalid('Invalid positive integer', {
      code: 'parameter_invalid_integer',
      param: 'amount',
    });
  if (given > left)
    throw invalid(
      `Refund amount (${given} ${charge.currency}) is greater than unrefunded amount on charge (${left} ${charge.currency})`,
      { param: 'amount' },
    );
  const refund = account.create<Stripe.Refund>({
    id: newId('re'),
    object: 'refund',
    amount: given,
    balance_transaction: newId('txn'),
    charge: charge.id,
    created: account.now(account.clockOf(charge)),
    currency: charge.currency,
    customer: charge.customer,
    customer_account: null,
    metadata: mergeMetadata({}, wanted),
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    reason: reason ?? null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: 'succeeded',
    transfer_reversal: null,
  });
  const before = { amount_refunded: charge.amount_refunded, refunded: charge.refunded };
  account.set(charge, {
    amount_refunded: charge.amount_refunded + given,
    refunded: given === left,
  });
  account.emit('charge.refunded', charge, before);
  return refund;
}

const createParams = params({
  amount: integer.optional(),
  charge: text.optional(),
  payment_intent: text.optional(),
  reason: z.enum(['duplicate', 'fraudulent', 'requested_by_customer']).optional(),
  metadata: metadata.optional(),
});

function chargeOf(
  account: Account,
  { charge, payment_intent: intent }: z.output<typeof createParams>,
): Stripe.Charge {
  if (charge !== undefined && intent !== undefined)
    throw invalid('You may only specify one of these parameters: payment_intent, charge.');
  if (charge !== undefined) return account.get('charge', charge, 'charge');
  if (intent === undefined)
    throw invalid(
      'One of the following params should be provided for this request: payment_intent or charge.',
    );
  const { latest_charge, status } = account.get('payment_intent', intent, 'payment_intent');
  if (status !== 'succeeded' || latest_charge === null)
    throw invalid(`This PaymentIntent (${intent}) does not have a successful charge to refund.`, {
      param: 'payment_intent',
    });
  return account.get('charge', idOf(latest_charge));
}

export const refundRoutes = [
  route('post', '/v1/refunds', createParams, (account, input) =>
    refundCharge(account, chargeOf(account, input), input),
  ),
  route('get', '/v1/refunds/:id', params({}), (account, _, id) => account.get('refund', id)),
  route(
    'post',
    '/v1/refunds/:id',
    params({ metadata: metadata.optional() }),
    (account, { metadata: change }, id) => {
      const refund = account.get('refund', id);
      return account.update(refund, { metadata: mergeMetadata(refund.metadata, change) });
    },
  ),
  listRoute(
    '/v1/refunds',
    'refund',
    { charge: text.optional(), payment_intent: text.optional(), created: range.optional() },
    (filters) => filters,
  ),
];
