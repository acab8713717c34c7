import { invalid } from '../../http/error.js';
import { params, text } from '../../http/params.js';
import { type Account, idOf } from '../account.js';
import { attach, attachCard } from '../billing/cards.js';
import { listRoute, route } from '../route.js';

/** Makes a card the one that a customer pays with, as the portal does: everywhere, at once. */
export function replaceCard(account: Account, customerId: string, card: string, worn = false) {
  const method = attachCard(account, card, customerId, worn);
  const customer = account.get('customer', customerId);
  account.update(customer, {
    invoice_settings: { ...customer.invoice_settings, default_payment_method: method.id },
  });
  for (const subscription of account.store.all('subscription', {
    customer: customerId,
    status: { not: 'canceled' },
  }))
    if (subscription.default_payment_method !== null)
      account.update(subscription, { default_payment_method: method.id });
  return method;
}

function detach(account: Account, id: string) {
  const method = account.get('payment_method', id);
  if (method.customer === null)
    throw invalid(
      'The payment method you provided is not attached to a customer so detachment is impossible.',
    );
  const customer = account.get('customer', idOf(method.customer));
  account.set(method, { customer: null });
  account.emit('payment_method.detached', method, { customer: customer.id });
  if (customer.invoice_settings.default_payment_method === id)
    account.update(customer, {
      invoice_settings: { ...customer.invoice_settings, default_payment_method: null },
    });
  for (const subscription of account.store.all('subscription', {
    customer: customer.id,
    default_payment_method: id,
  }))
    account.update(subscription, { default_payment_method: null });
  return method;
}

const listFilters = { customer: text.optional(), type: text.optional() };

export const paymentMethodRoutes = [
  route('get', '/v1/payment_methods/:id', params({}), (account, _, id) =>
    account.get('payment_method', id),
  ),
  route(
    'post',
    '/v1/payment_methods/:id/attach',
    params({ customer: text }),
    (account, { customer }, id) => {
      account.get('customer', customer, 'customer');
      const method = attachCard(account, id, customer);
      if (method.customer === null) return attach(account, method, customer);
      if (idOf(method.customer) === customer) return method;
      throw invalid('The payment method you provided has already been attached to a customer.');
    },
  ),
  route('post', '/v1/payment_methods/:id/detach', params({}), (account, _, id) =>
    detach(account, id),
  ),
  listRoute('/v1/payment_methods', 'payment_method', listFilters, ({ customer, type }) => ({
    // Stripe lists no payment methods but those of a customer.
    customer: customer ?? '',
    type,
  })),
  listRoute(
    '/v1/customers/:id/payment_methods',
    'payment_method',
    { type: text.optional() },
    ({ type }, { id }) => ({ customer: id, type }),
  ),
  route(
    'get',
    '/v1/customers/:id/payment_methods/:method',
    params({}),
    (account, _, _id, { method = '' }) => account.get('payment_method', method),
  ),
];
