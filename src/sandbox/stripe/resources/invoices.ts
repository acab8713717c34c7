import type Stripe from 'stripe';
import { z } from 'zod';
import { invalid } from '../../http/error.js';
import { list } from '../../http/expand.js';
import {
  flag,
  integer,
  metadata,
  pageParams,
  params,
  range,
  taken,
  text,
  unsettable,
} from '../../http/params.js';
import { type Account, idOf, mergeMetadata } from '../account.js';
import { createDraft } from '../billing/draft.js';
import { close, finalize } from '../billing/finalization.js';
import { attemptPayment, markPaid } from '../billing/payment.js';
import { pendingItems, pullIn } from '../billing/pending.js';
import { DAY, HOUR, periodOf } from '../billing/period.js';
import { afterSettlement } from '../billing/standing.js';
import { listRoute, route } from '../route.js';

const createParams = params({
  customer: text,
  subscription: text.optional(),
  auto_advance: flag.optional(),
  collection_method: z.enum(['charge_automatically', 'send_invoice']).optional(),
  currency: text.optional(),
  days_until_due: integer.optional(),
  default_payment_method: text.optional(),
  description: text.optional(),
  metadata: metadata.optional(),
  pending_invoice_items_behavior: z.enum(['include', 'exclude']).optional(),
  ...taken('automatic_tax', 'payment_settings', 'rendering', 'footer'),
});

function create(account: Account, input: z.output<typeof createParams>): Stripe.Invoice {
  const customer = account.get('customer', input.customer, 'customer');
  const subscription = input.subscription
    ? account.get('subscription', input.subscription, 'subscription')
    : null;
  const now = account.now(customer.test_clock ?? null);
  const invoice = createDraft(account, {
    customer,
    subscription,
    reason: subscription ? 'subscription_update' : 'manual',
    period: subscription ? periodOf(subscription) : { start: now, end: now },
    lines: [],
    autoAdvance: input.auto_advance ?? false,
    finalizesAt: now + HOUR,
    collectionMethod: input.collection_method,
    currency: input.currency?.toLowerCase(),
    dueDate: input.days_until_due === undefined ? null : now + input.days_until_due * DAY,
    defaultPaymentMethod: input.default_payment_method ?? null,
    description: input.description ?? null,
    metadata: mergeMetadata({}, input.metadata),
  });
  if (subscription || input.pending_invoice_items_behavior === 'include')
    pullIn(account, invoice, pendingItems(account, customer.id, subscription?.id ?? null));
  return invoice;
}

const updateParams = params({
  auto_advance: flag.optional(),
  default_payment_method: unsettable(text).optional(),
  description: unsettable(text).optional(),
  metadata: metadata.optional(),
  ...taken('automatic_tax', 'payment_settings', 'rendering', 'footer'),
});

function update(
  account: Account,
  input: z.output<typeof updateParams>,
  id: string,
): Stripe.Invoice {
  const invoice = account.get('invoice', id);
  const { auto_advance: advance, metadata: change, ...rest } = input;
  return account.update(invoice, {
    ...(rest.default_payment_method === undefined
      ? {}
      : { default_payment_method: rest.default_payment_method }),
    ...(rest.description === undefined ? {} : { description: rest.description }),
    ...(change === undefined ? {} : { metadata: mergeMetadata(invoice.metadata, change) }),
    ...(advance === undefined ? {} : advancement(account, invoice, advance)),
  });
}

/** Whether Stripe goes on by itself with an invoice, and then when. */
function advancement(
  account: Account,
  invoice: Stripe.Invoice,
  on: boolean,
): Partial<Stripe.Invoice> {
  const next = on ? account.now(invoice.test_clock) + HOUR : null;
  return {
    auto_advance: on,
    automatically_finalizes_at: invoice.status === 'draft' ? next : null,
    next_payment_attempt:
      invoice.status === 'open' && on && invoice.attempted
        ? (invoice.next_payment_attempt ?? account.now(invoice.test_clock) + 3 * DAY)
        : next,
  };
}

const payParams = params({
  payment_method: text.optional(),
  paid_out_of_band: flag.optional(),
  off_session: flag.optional(),
});

function pay(account: Account, input: z.output<typeof payParams>, id: string): Stripe.Invoice {
  const invoice = account.get('invoice', id);
  if (invoice.status === 'paid')
    throw invalid('Invoice is already paid', { code: 'invoice_already_paid' });
  if (invoice.status === 'void') throw invalid('This invoice can no longer be paid.');
  if (invoice.status === 'draft') finalize(account, invoice);
  if (input.paid_out_of_band) markPaid(account, invoice, true);
  else {
    if (input.payment_method) checkOwner(account, input.payment_method, invoice);
    const failure = attemptPayment(account, invoice, {
      automatic: false,
      paymentMethod: input.payment_method,
    });
    if (failure) throw failure;
  }
  return account.get('invoice', id);
}

function checkOwner(account: Account, id: string, invoice: Stripe.Invoice): void {
  const owner = account.get('payment_method', id, 'payment_method').customer;
  if (owner === null || idOf(owner) !== idOf(invoice.customer ?? ''))
    throw invalid(
      'The payment method must be attached to the customer that this invoice belongs to.',
      { param: 'payment_method' },
    );
}

export const invoiceRoutes = [
  route('post', '/v1/invoices', createParams, create),
  route('get', '/v1/invoices/:id', params({}), (account, _, id) => account.get('invoice', id)),
  route('post', '/v1/invoices/:id', updateParams, update),
  route('delete', '/v1/invoices/:id', params({}), (account, _, id) => {
    const invoice = account.get('invoice', id);
    if (invoice.status !== 'draft')
      throw invalid(
        'You can only delete draft invoices. To delete an invoice that has been finalized, void it instead.',
      );
    for (const item of account.store.all('invoiceitem', { invoice: id }))
      account.set(item, { invoice: null });
    account.store.bury(invoice);
    account.emit('invoice.deleted', invoice);
    return { id, object: 'invoice', deleted: true };
  }),
  route(
    'post',
    '/v1/invoices/:id/finalize',
    params({ auto_advance: flag.optional() }),
    (account, { auto_advance }, id) => {
      const invoice = account.get('invoice', id);
      finalize(account, invoice, auto_advance);
      if (invoice.amount_due === 0) markPaid(account, invoice);
      return invoice;
    },
  ),
  route('post', '/v1/invoices/:id/pay', payParams, pay),
  route('post', '/v1/invoices/:id/void', params({}), (account, _, id) => {
    const invoice = account.get('invoice', id);
    close(account, invoice, 'void');
    afterSettlement(account, invoice);
    return invoice;
  }),
  route('post', '/v1/invoices/:id/mark_uncollectible', params({}), (account, _, id) => {
    const invoice = account.get('invoice', id);
    close(account, invoice, 'uncollectible');
    afterSettlement(account, invoice);
    return invoice;
  }),
  route('post', '/v1/invoices/:id/send', params({}), (account, _, id) => {
    const invoice = account.get('invoice', id);
    if (invoice.status === 'draft') finalize(account, invoice);
    account.emit('invoice.sent', invoice);
    return invoice;
  }),
  route('get', '/v1/invoices/:id/lines', pageParams, (account, page, id) => {
    const { data } = account.get('invoice', id).lines;
    const from = page.starting_after
      ? data.findIndex((line) => line.id === page.starting_after) + 1
      : 0;
    const to = from + (page.limit ?? 10);
    return list(data.slice(from, to), `/v1/invoices/${id}/lines`, data.length > to);
  }),
  listRoute(
    '/v1/invoices',
    'invoice',
    {
      customer: text.optional(),
      subscription: text.optional(),
      status: z.enum(['draft', 'open', 'paid', 'uncollectible', 'void']).optional(),
      collection_method: text.optional(),
      created: range.optional(),
    },
    ({ subscription, ...same }) => ({
      ...same,
      'parent.subscription_details.subscription': subscription,
    }),
  ),
];
