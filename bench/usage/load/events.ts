import { createHmac } from 'node:crypto';
import Stripe from 'stripe';

/** Lines of the invoice that an event carries: with two it is about as long as those that Stripe sends. */
const LINES = Array.from({ length: 2 }, (_, index) => ({
  id: `il_${index}`,
  object: 'line_item',
  amount: 29_900_000,
  currency: 'idr',
  description: '1 × Pro (at Rp299,000.00 / month)',
  discount_amounts: [],
  discountable: true,
  discounts: [],
  invoice: 'in_bench',
  livemode: true,
  metadata: {},
  parent: {
    invoice_item_details: null,
    subscription_item_details: {
      proration: false,
      subscription: 'sub_bench',
      subscription_item: 'si_1',
    },
    type: 'subscription_item_details',
  },
  period: { end: 1_800_000_000, start: 1_797_000_000 },
  pretax_credit_amounts: [],
  pricing: { price_details: { price: 'price_pro', product: 'prod_pro' }, type: 'price_details' },
  quantity: 1,
  taxes: [],
}));

/** An event of Stripe about a customer's invoice, signed as Stripe signs. */
export function signedEvent(
  id: string,
  customer: string,
  secret: string,
  type = 'invoice.paid',
  objectId = `in_${id}`,
): { headers: Record<string, string>; body: string } {
  const seconds = Math.floor(Date.now() / 1_000);
  const body = JSON.stringify({
    id,
    object: 'event',
    api_version: Stripe.API_VERSION,
    created: seconds,
    livemode: true,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type,
    data: {
      object: {
        id: objectId,
        object: 'invoice',
        customer,
        customer_email: 'admin@team.example',
        customer_name: 'Acme',
        amount_due: 29_900_000,
        amount_paid: 29_900_000,
        billing_reason: 'subscription_cycle',
        collection_method: 'charge_automatically',
        currency: 'idr',
        hosted_invoice_url: `https://invoice.stripe.com/i/${id}`,
        lines: { object: 'list', data: LINES, has_more: false, total_count: LINES.length },
        metadata: {},
        parent: {
          type: 'subscription_details',
          subscription_details: { metadata: {}, subscription: 'sub_bench' },
        },
        status: 'paid',
      },
    },
  });
  const hmac = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return { headers: { 'stripe-signature': `t=${seconds},v1=${hmac}` }, body };
}
