import type Stripe from 'stripe';
import { z } from 'zod';
import { invalid, StripeFailure } from '../../http/error.js';
import { integer, metadata, params, text, unsettable } from '../../http/params.js';
import { type Account, idOf, mergeMetadata } from '../account.js';
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

const updateParams = params({
  allow_redisplay: z.enum(['always', 'limited', 'unspecified']).optional(),
  billing_details: z
    .strictObject({
      email: unsettable(text).optional(),
      name: unsettable(text).optional(),
      phone: unsettable(text).optional(),
    })
    .optional(),
  card: z.strictObject({ exp_month: integer.optional(), exp_year: integer.optional() }).optional(),
  metadata: metadata.optional(),
});

function update(
  account: Account,
  input: z.output<typeof updateParams>,
  id: string,
): Stripe.PaymentMethod {
  const method = account.get('payment_method', id);
  if (method.customer === null)
    throw invalid('You must save this PaymentMethod to a customer before you can update it.');
  const { billing_details: old } = method;
  const { email = old.email, name = old.name, phone = old.phone } = input.billing_details ?? {};
  return account.update(method, {
    billing_details: { ...old, email, name, phone },
    metadata: mergeMetadata(method.metadata, input.metadata),
    ...(input.allow_redisplay ? { allow_redisplay: input.allow_redisplay } : {}),
    ...(method.card && input.card
      ? { card: renewed(method.card, input.card, account.now(account.clockOf(method))) }
      : {}),
  });
}

/** The same card with another date on it. */
function renewed(
  card: Stripe.PaymentMethod.Card,
  wish: { exp_month?: number | undefined; exp_year?: number | undefined },
  now: number,
): Stripe.PaymentMethod.Card {
  const month = wish.exp_month ?? card.exp_month;
  const year = wish.exp_year ?? card.exp_year;
  if (month < 1 || month > 12)
    throw new StripeFailure(402, 'card_error', "Your card's expiration month is invalid.", {
      code: 'invalid_expiry_month',
      param: 'exp_month',
    });
  if (Date.UTC(year, month) <= now * 1000)
    throw new StripeFailure(402, 'card_error', "Your card's expiration year is invalid.", {
      code: 'invalid_expiry_year',
      param: 'exp_year',
    });
  return { ...card, exp_month: month, exp_year: year };
}

const listFilters = { customer: text.optional(), type: text.optional() };

export const paymentMethodRoutes = [
  route('get', '/v1/payment_methods/:id', params({}), (account, _, id) =>
    account.get('payment_method', id),
  ),
  route('post', '/v1/payment_methods/:id', updateParams, update),
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
