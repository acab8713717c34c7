import { z } from 'zod';
import { invalid } from '../../http/error.js';
import { flag, integer, metadata, taken, text } from '../../http/params.js';
import { type Account, idOf } from '../account.js';

const behavior = z.enum([
  'allow_incomplete',
  'default_incomplete',
  'error_if_incomplete',
  'pending_if_incomplete',
]);
export const proration = z.enum(['create_prorations', 'always_invoice', 'none']);
export const itemShape = {
  price: text.optional(),
  quantity: integer.optional(),
  metadata: metadata.optional(),
  ...taken('discounts', 'tax_rates', 'price_data'),
};
export const trialSettings = z.strictObject({
  end_behavior: z.strictObject({
    missing_payment_method: z.enum(['cancel', 'create_invoice', 'pause']),
    billing_cycle_anchor: z.literal('now').default('now'),
  }),
});
/** What creating and changing a subscription have in common. */
export const shared = {
  cancel_at_period_end: flag.optional(),
  collection_method: z.enum(['charge_automatically', 'send_invoice']).optional(),
  days_until_due: integer.optional(),
  default_payment_method: text.optional(),
  description: text.optional(),
  metadata: metadata.optional(),
  off_session: flag.optional(),
  payment_behavior: behavior.optional(),
  proration_behavior: proration.optional(),
  trial_end: z.union([z.literal('now'), integer]).optional(),
  trial_settings: trialSettings.optional(),
  ...taken('automatic_tax', 'invoice_settings', 'payment_settings'),
};

/** A card of somebody else can't pay. */
export function checkOwner(account: Account, method: string, customer: string): void {
  const owner = account.get('payment_method', method, 'default_payment_method').customer;
  if (owner === null || idOf(owner) !== customer)
    throw invalid(
      `The customer does not have a payment method with the ID ${method}. The payment method must be attached to the customer.`,
      { code: 'resource_missing', param: 'default_payment_method' },
    );
}
