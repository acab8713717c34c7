import type Stripe from 'stripe';
import { z } from 'zod';
import { invalid } from '../../http/error.js';
import { integer, metadata, params, range, taken, text } from '../../http/params.js';
import { type Account, idOf, mergeMetadata, newId, wallClock } from '../account.js';
import { attachCard } from '../billing/cards.js';
import { DAY } from '../billing/period.js';
import { subscribe } from '../billing/subscribe.js';
import { listRoute, route } from '../route.js';
import { createCustomer } from './customers.js';
import { trialSettings } from './subscriptionParams.js';

const createParams = params({
  mode: z.literal('subscription'),
  line_items: z.array(
    z.strictObject({
      price: text,
      quantity: integer.optional(),
      ...taken('adjustable_quantity', 'tax_rates'),
    }),
  ),
  success_url: text,
  cancel_url: text.optional(),
  client_reference_id: text.optional(),
  customer: text.optional(),
  customer_email: text.optional(),
  metadata: metadata.optional(),
  subscription_data: z
    .strictObject({
      metadata: metadata.optional(),
      billing_mode: z
        .strictObject({ type: z.enum(['classic', 'flexible']), flexible: z.unknown().optional() })
        .optional(),
      description: text.optional(),
      trial_period_days: integer.optional(),
      trial_settings: trialSettings.optional(),
      ...taken('proration_behavior', 'invoice_settings'),
    })
    .optional(),
  expires_at: integer.optional(),
  ...taken(
    'allow_promotion_codes',
    'automatic_tax',
    'billing_address_collection',
    'customer_update',
    'locale',
    'payment_method_collection',
    'payment_method_types',
    'saved_payment_method_options',
    'tax_id_collection',
    'ui_mode',
  ),
});
function create(account: Account, input: z.output<typeof createParams>): Stripe.Checkout.Session {
  const prices = input.line_items.map(({ price }) =>
    account.get('price', price, 'line_items[0][price]'),
  );
  const total = input.line_items.reduce(
    (sum, { quantity = 1 }, n) => sum + (prices[n]?.unit_amount ?? 0) * quantity,
    0,
  );
  const customer = input.customer ? account.get('customer', input.customer, 'customer') : null;
  if (customer && input.customer_email)
    throw invalid('You may only specify one of these parameters: customer, customer_email.');
  const id = newId('cs_test');
  const wish = input.subscription_data;
  account.store.insert({
    id: orderOf(id),
    object: 'checkout_order',
    items: input.line_items,
    metadata: mergeMetadata({}, wish?.metadata),
    billingMode: wish?.billing_mode?.type ?? null,
    description: wish?.description ?? null,
    trialDays: wish?.trial_period_days ?? null,
    missingPaymentMethod: wish?.trial_settings?.end_behavior.missing_payment_method ?? null,
  });
  return account.create<Stripe.Checkout.Session>({
    id,
    object: 'checkout.session',
    adaptive_pricing: null,
    after_expiration: null,
    allow_promotion_codes: null,
    allowed_payment_method_types: null,
    billing_address_collection: null,
    client_secret: null,
    collected_information: null,
    consent: null,
    consent_collection: null,
    currency_conversion: null,
    customer_account: null,
    customer_details: null,
    integration_identifier: null,
    invoice: null,
    invoice_creation: null,
    locale: null,
    managed_payments: null,
    origin_context: null,
    payment_intent: null,
    payment_link: null,
    payment_method_configuration_details: null,
    payment_method_options: null,
    permissions: null,
    recovered_from: null,
    saved_payment_method_options: null,
    setup_intent: null,
    shipping_address_collection: null,
    shipping_cost: null,
    submit_type: null,
    subscription: null,
    wallet_options: null,
    amount_subtotal: total,
    amount_total: total,
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    cancel_url: input.cancel_url ?? null,
    client_reference_id: input.client_reference_id ?? null,
    created: wallClock(),
    currency: prices[0]?.currency ?? null,
    custom_fields: [],
    custom_text: {
      after_submit: null,
      shipping_address: null,
      submit: null,
      terms_of_service_acceptance: null,
    },
    customer: customer?.id ?? null,
    customer_creation: customer ? null : 'always',
    customer_email: input.customer_email ?? null,
    discounts: [],
    expires_at: input.expires_at ?? wallClock() + DAY,
    livemode: false,
    metadata: mergeMetadata({}, input.metadata),
    mode: 'subscription',
    payment_method_collection: 'always',
    payment_method_types: ['card'],
    payment_status: 'unpaid',
    shipping_options: [],
    status: 'open',
    success_url: input.success_url,
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ui_mode: 'hosted_page',
    url: `${account.pages()}/c/${id}`,
  });
}

function orderOf(session: string): string {
  return `order_of_${session}`;
}

/** The customer has chosen a card and pressed Subscribe. Throws what the bank says against it. */
export function completeCheckout(
  account: Account,
  id: string,
  { card, email, confirmed }: { card: string; email: string; confirmed: boolean },
): Stripe.Checkout.Session {
  const session = account.get('checkout.session', id);
  if (session.status !== 'open') throw invalid('This checkout session is not open.');
  const order = account.get('checkout_order', orderOf(id));
  const customer = session.customer
    ? account.get('customer', idOf(session.customer))
    : createCustomer(account, { email });
  const method = attachCard(account, card, customer.id);
  const subscription = subscribe(account, {
    customer,
    items: order.items,
    metadata: order.metadata,
    // Checkout keeps the card on the subscription, not on the customer.
    defaultPaymentMethod: method.id,
    ...(order.billingMode ? { billingMode: order.billingMode } : {}),
    trialEnd: order.trialDays
      ? account.now(customer.test_clock ?? null) + order.trialDays * DAY
      : null,
    missingPaymentMethod: order.missingPaymentMethod,
    description: order.description,
    behavior: 'error_if_incomplete',
    confirmed,
  });
  account.set(session, {
    status: 'complete',
    payment_status: 'paid',
    customer: customer.id,
    customer_details: {
      address: null,
      business_name: null,
      email: customer.email,
      individual_name: null,
      name: customer.name ?? null,
      phone: null,
      tax_exempt: 'none',
      tax_ids: [],
    },
    subscription: subscription.id,
    invoice: subscription.latest_invoice,
    url: null,
  });
  account.emit('checkout.session.completed', session);
  return session;
}

export const checkoutRoutes = [
  route('post', '/v1/checkout/sessions', createParams, create),
  route('get', '/v1/checkout/sessions/:id', params({}), (account, _, id) =>
    account.get('checkout.session', id),
  ),
  route('post', '/v1/checkout/sessions/:id/expire', params({}), (account, _, id) => {
    const session = account.get('checkout.session', id);
    if (session.status !== 'open')
      throw invalid('Only Checkout Sessions with a status in ["open"] can be expired.');
    account.set(session, { status: 'expired', url: null });
    account.emit('checkout.session.expired', session);
    return session;
  }),
  listRoute(
    '/v1/checkout/sessions',
    'checkout.session',
    {
      customer: text.optional(),
      subscription: text.optional(),
      status: text.optional(),
      created: range.optional(),
    },
    (filters) => filters,
  ),
];
