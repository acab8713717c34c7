import type Stripe from 'stripe';
import { z } from 'zod';
import { invalid } from '../../http/error.js';
import { integer, metadata, params, range, taken, text, unsettable } from '../../http/params.js';
import { type Account, idOf, mergeMetadata, newId } from '../account.js';
import { attach, attachCard } from '../billing/cards.js';
import { endSubscription } from '../billing/ending.js';
import { listRoute, route } from '../route.js';

const shared = {
  balance: integer.optional(),
  description: unsettable(text).optional(),
  email: unsettable(text).optional(),
  invoice_settings: z
    .strictObject({
      default_payment_method: unsettable(text).optional(),
      ...taken('custom_fields', 'footer', 'rendering_options'),
    })
    .optional(),
  metadata: metadata.optional(),
  name: unsettable(text).optional(),
  phone: unsettable(text).optional(),
  ...taken('address', 'preferred_locales', 'shipping', 'tax', 'tax_exempt', 'validate'),
};
const createParams = params({
  ...shared,
  payment_method: text.optional(),
  test_clock: text.optional(),
});

export function createCustomer(
  account: Account,
  input: z.output<typeof createParams>,
): Stripe.Customer {
  const clock = input.test_clock
    ? account.get('test_helpers.test_clock', input.test_clock, 'test_clock')
    : null;
  const customer = account.create<Stripe.Customer>({
    id: newId('cus'),
    object: 'customer',
    address: null,
    currency: null,
    customer_account: null,
    default_source: null,
    discount: null,
    shipping: null,
    balance: input.balance ?? 0,
    created: account.now(clock?.id ?? null),
    delinquent: false,
    description: input.description ?? null,
    email: input.email ?? null,
    invoice_prefix: newId('x').slice(2, 10).toUpperCase(),
    invoice_settings: {
      custom_fields: null,
      default_payment_method: null,
      footer: null,
      rendering_options: null,
    },
    livemode: false,
    metadata: mergeMetadata({}, input.metadata),
    name: input.name ?? null,
    next_invoice_sequence: 1,
    phone: input.phone ?? null,
    preferred_locales: [],
    tax_exempt: 'none',
    test_clock: clock?.id ?? null,
  });
  const method = input.payment_method && attachCard(account, input.payment_method, customer.id);
  if (method && method.customer === null) attach(account, method, customer.id);
  const chosen = input.invoice_settings?.default_payment_method;
  if (chosen)
    account.set(customer, {
      invoice_settings: {
        ...customer.invoice_settings,
        default_payment_method: method && chosen === input.payment_method ? method.id : chosen,
      },
    });
  return customer;
}

const updateParams = params(shared);

function update(
  account: Account,
  input: z.output<typeof updateParams>,
  id: string,
): Stripe.Customer {
  const customer = account.get('customer', id);
  const method = input.invoice_settings?.default_payment_method;
  if (typeof method === 'string') checkOwner(account, method, id);
  const { balance, description, email, name, phone } = input;
  const plain = Object.fromEntries(
    Object.entries({ balance, description, email, name, phone }).filter(
      ([, value]) => value !== undefined,
    ),
  );
  return account.update(customer, {
    ...plain,
    ...(input.metadata === undefined
      ? {}
      : { metadata: mergeMetadata(customer.metadata, input.metadata) }),
    ...(method === undefined
      ? {}
      : { invoice_settings: { ...customer.invoice_settings, default_payment_method: method } }),
  });
}

function checkOwner(account: Account, method: string, customer: string): void {
  const param = 'invoice_settings[default_payment_method]';
  const owner = account.get('payment_method', method, param).customer;
  if (owner === null || idOf(owner) !== customer)
    throw invalid(
      `The customer does not have a payment method with the ID ${method}. The payment method must be attached to the customer.`,
      { code: 'resource_missing', param },
    );
}

/** Deletes a customer: its subscriptions end, and nothing of it is collected any more. */
export function deleteCustomer(account: Account, customer: Stripe.Customer): void {
  for (const subscription of account.store.all('subscription', {
    customer: customer.id,
    status: { not: 'canceled' },
  }))
    endSubscription(account, subscription, { withPendingItems: false });
  for (const invoice of account.store.all('invoice', { customer: customer.id, auto_advance: true }))
    account.set(invoice, { auto_advance: false, next_payment_attempt: null });
  account.store.bury(customer);
  account.emit('customer.deleted', customer);
}

export const customerRoutes = [
  route('post', '/v1/customers', createParams, createCustomer),
  route('get', '/v1/customers/:id', params({}), (account, _, id) =>
    account.store.isBuried(id)
      ? { id, object: 'customer', deleted: true }
      : account.get('customer', id),
  ),
  route('post', '/v1/customers/:id', updateParams, update),
  route('delete', '/v1/customers/:id', params({}), (account, _, id) => {
    deleteCustomer(account, account.get('customer', id));
    return { id, object: 'customer', deleted: true };
  }),
  listRoute(
    '/v1/customers',
    'customer',
    { email: text.optional(), test_clock: text.optional(), created: range.optional() },
    (filters) => filters,
  ),
];
