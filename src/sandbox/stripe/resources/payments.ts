import { params, range, text } from '../../http/params.js';
import { listRoute, route } from '../route.js';

export const paymentRoutes = [
  route(
    'get',
    '/v1/payment_intents/:id',
    params({ client_secret: text.optional() }),
    (account, _, id) => account.get('payment_intent', id),
  ),
  listRoute(
    '/v1/payment_intents',
    'payment_intent',
    { customer: text.optional(), created: range.optional() },
    ({ customer, created }) => ({ customer, created }),
  ),
  route('get', '/v1/charges/:id', params({}), (account, _, id) => account.get('charge', id)),
  listRoute(
    '/v1/charges',
    'charge',
    { customer: text.optional(), payment_intent: text.optional(), created: range.optional() },
    ({ customer, payment_intent, created }) => ({ customer, payment_intent, created }),
  ),
  route('get', '/v1/invoice_payments/:id', params({}), (account, _, id) =>
    account.get('invoice_payment', id),
  ),
  listRoute(
    '/v1/invoice_payments',
    'invoice_payment',
    { invoice: text.optional(), status: text.optional(), created: range.optional() },
    ({ invoice, status, created }) => ({ invoice, status, created }),
  ),
];
