import type Stripe from 'stripe';
import type { Resource } from '../objects.js';
import type { Store } from '../store.js';
import { invalid } from './error.js';

type Json = { [key: string]: unknown };

/** https://docs.stripe.com/api/expanding_objects */
const MAX_LEVELS = 4;
const EMBEDDED = 10;

/** The object as it goes over the wire: references expanded where asked, long embedded lists cut. */
export function present(store: Store, object: object, paths: string[] = []): Json {
  const json = JSON.parse(JSON.stringify(object));
  for (const path of paths) {
    const keys = path.split('.');
    if (keys.length > MAX_LEVELS)
      throw invalid(
        `You cannot expand more than ${MAX_LEVELS} levels of a property. Property: ${path}`,
      );
    expand(store, json, keys, path);
  }
  for (const value of json.object === 'list' ? json.data : [json]) cutLists(value);
  return json;
}

function expand(store: Store, node: Json, [key = '', ...rest]: string[], path: string): void {
  const value = key in node ? node[key] : include(store, node, key);
  if (value === undefined)
    throw invalid(`This property cannot be expanded (${path}).`, { param: 'expand' });
  const expanded = typeof value === 'string' ? store.lookUp(value) : value;
  if (typeof value === 'string' && !expanded && !/^[a-z]+_/.test(value))
    throw invalid(`This property cannot be expanded (${path}).`, { param: 'expand' });
  node[key] = expanded ?? value;
  if (rest.length === 0) return;
  for (const child of Array.isArray(node[key]) ? node[key] : [node[key]])
    if (child && typeof child === 'object') expand(store, child, rest, path);
}

/** Properties that Stripe adds only when they are asked for. */
function include(store: Store, node: Json, key: string): unknown {
  const id = String(node.id);
  switch (`${node.object}.${key}`) {
    case 'invoice.payments':
      return list(
        store.all('invoice_payment', { invoice: id }),
        `/v1/invoice_payments?invoice=${id}`,
      );
    case 'invoice.confirmation_secret': {
      const payment = store.newest('invoice_payment', { invoice: id })?.payment.payment_intent;
      const intent =
        typeof payment === 'string' ? store.find('payment_intent', payment) : undefined;
      return intent ? { client_secret: intent.client_secret, type: 'payment_intent' } : null;
    }
    case 'charge.refunds':
      return list(store.all('refund', { charge: id }), `/v1/charges/${id}/refunds`);
    case 'customer.subscriptions':
      return list(
        store.all('subscription', { customer: id, status: { not: 'canceled' } }),
        `/v1/customers/${id}/subscriptions`,
      );
    default:
      return undefined;
  }
}

export function list<T extends Resource | Stripe.InvoiceLineItem>(
  data: T[],
  url: string,
  hasMore = false,
) {
  return { object: 'list' as const, data, has_more: hasMore, url };
}

function cutLists(node: Json): void {
  for (const value of Object.values(node)) {
    if (!value || typeof value !== 'object') continue;
    const child = value as Json;
    if (child.object === 'list' && Array.isArray(child.data) && child.data.length > EMBEDDED) {
      child.data = child.data.slice(0, EMBEDDED);
      child.has_more = true;
    }
    if (!Array.isArray(value)) cutLists(child);
  }
}
