import type Stripe from 'stripe';
import { z } from 'zod';
import { invalid } from '../../http/error.js';
import { flag, integer, metadata, params, range, taken, text } from '../../http/params.js';
import { type Account, mergeMetadata } from '../account.js';
import { invoiceItem, pullIn, replaceLines } from '../billing/pending.js';
import { listRoute, route } from '../route.js';

const shared = {
  amount: integer.optional(),
  description: text.optional(),
  metadata: metadata.optional(),
  period: z.strictObject({ start: integer, end: integer }).optional(),
  quantity: integer.optional(),
  ...taken('discountable', 'tax_behavior', 'tax_code', 'tax_rates'),
};
const createParams = params({
  ...shared,
  customer: text,
  currency: text.optional(),
  invoice: text.optional(),
  subscription: text.optional(),
  pricing: z.strictObject({ price: text }).optional(),
});
const updateParams = params(shared);

function create(account: Account, input: z.output<typeof createParams>): Stripe.InvoiceItem {
  const customer = account.get('customer', input.customer, 'customer');
  const price = input.pricing ? account.get('price', input.pricing.price, 'pricing[price]') : null;
  const subscription = input.subscription
    ? account.get('subscription', input.subscription, 'subscription')
    : null;
  if (subscription?.status === 'canceled')
    throw invalid('You cannot create an invoice item for a canceled subscription.', {
      param: 'subscription',
    });
  const unit = price?.unit_amount ?? input.amount;
  const currency = price?.currency ?? input.currency ?? customer.currency;
  if (unit === undefined)
    throw invalid('Missing required param: amount.', {
      code: 'parameter_missing',
      param: 'amount',
    });
  if (!currency)
    throw invalid('Missing required param: currency.', {
      code: 'parameter_missing',
      param: 'currency',
    });
  const item = account.create(
    invoiceItem(account, {
      customer: customer.id,
      subscription: subscription?.id ?? null,
      amount: price ? unit * (input.quantity ?? 1) : unit,
      currency,
      description: input.description ?? null,
      metadata: mergeMetadata({}, input.metadata),
      period: input.period,
      price,
      quantity: input.quantity ?? 1,
    }),
  );
  if (input.invoice !== undefined) pullIn(account, draft(account, input.invoice), [item]);
  return account.get('invoiceitem', item.id);
}

function update(
  account: Account,
  input: z.output<typeof updateParams>,
  id: string,
): Stripe.InvoiceItem {
  const item = account.get('invoiceitem', id);
  const invoice = item.invoice === null ? null : draft(account, String(item.invoice));
  account.set(item, {
    ...(input.amount === undefined ? {} : { amount: input.amount }),
    ...(input.description === undefined ? {} : { description: input.description }),
    ...(input.period === undefined ? {} : { period: input.period }),
    metadata: mergeMetadata(item.metadata, input.metadata),
  });
  if (invoice)
    replaceLines(
      account,
      invoice,
      invoice.lines.data.map((line) =>
        line.parent?.invoice_item_details?.invoice_item === id
          ? { ...line, amount: item.amount, subtotal: item.amount, description: item.description }
          : line,
      ),
    );
  return item;
}

function draft(account: Account, id: string): Stripe.Invoice {
  const invoice = account.get('invoice', id, 'invoice');
  if (invoice.status === 'draft') return invoice;
  throw invalid("This invoice is no longer editable. Only drafts' items can be changed.", {
    code: 'invoice_not_editable',
  });
}

export const invoiceItemRoutes = [
  route('post', '/v1/invoiceitems', createParams, create),
  route('get', '/v1/invoiceitems/:id', params({}), (account, _, id) =>
    account.get('invoiceitem', id),
  ),
  route('post', '/v1/invoiceitems/:id', updateParams, update),
  route('delete', '/v1/invoiceitems/:id', params({}), (account, _, id) => {
    const item = account.get('invoiceitem', id);
    if (item.invoice !== null) {
      const invoice = draft(account, String(item.invoice));
      const rest = invoice.lines.data.filter(
        (line) => line.parent?.invoice_item_details?.invoice_item !== id,
      );
      replaceLines(account, invoice, rest);
    }
    account.store.bury(item);
    account.emit('invoiceitem.deleted', item);
    return { id, object: 'invoiceitem', deleted: true };
  }),
  listRoute(
    '/v1/invoiceitems',
    'invoiceitem',
    {
      customer: text.optional(),
      invoice: text.optional(),
      pending: flag.optional(),
      created: range.optional(),
    },
    ({ customer, invoice, pending, created }) => ({
      customer,
      date: created,
      invoice: pending === true ? null : pending === false ? { not: '' } : invoice,
    }),
  ),
];
