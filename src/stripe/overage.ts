import type Stripe from 'stripe';
import type { Line } from '../domain/record.js';
import { unlessMissing } from './errors.js';
import { OWN_INVOICE } from './truth.js';
import { idOf } from './values.js';

/** What a record puts on a customer's bill. */
export interface Overage {
  teamId: string;
  period: string;
  /** Counts the items made for the record (R34). */
  generation: number;
  customerId: string;
  /** Minor units; negative where a correction gives something back. */
  amount: number;
  currency: string;
  /** What the amount is made of. */
  lines: readonly Line[];
}

const metadataOf = ({ teamId, period }: Overage) => ({ team_id: teamId, [OWN_INVOICE]: period });

const keyOf = (what: string, { teamId, period, generation }: Overage) =>
  `tagih:${what}:${teamId}:${period}:${generation}`;

const isOf = ({ teamId, period }: Overage, metadata: Stripe.Metadata | null) =>
  metadata?.['team_id'] === teamId && metadata[OWN_INVOICE] === period;

/** What is on Stripe for this record among all that is listed. */
async function findOf<Found extends { metadata: Stripe.Metadata | null }>(
  overage: Overage,
  listed: AsyncIterable<Found>,
  counts: (found: Found) => boolean = () => true,
): Promise<Found | undefined> {
  for await (const found of listed)
    if (isOf(overage, found.metadata) && counts(found)) return found;
  return undefined;
}

/** The item that a customer has for this record already, whatever its key was (R34). */
export async function findOverageItem(
  stripe: Stripe,
  customer: string,
  overage: Overage,
): Promise<Stripe.InvoiceItem | undefined> {
  const listed = stripe.invoiceItems.list({ customer, limit: 100, expand: ['data.invoice'] });
  return findOf(overage, listed, ({ invoice }) => !isUndone(invoice));
}

/** The items for a period's usage that were made since an instant, of all customers. */
export async function* overageItemsSince(
  stripe: Stripe,
  period: string,
  since: Date,
): AsyncGenerator<{ teamId: string; itemId: string; customerId: string | null; amount: number }> {
  const created = { gte: Math.floor(since.getTime() / 1000) };
  const listed = stripe.invoiceItems.list({ created, limit: 100, expand: ['data.invoice'] });
  for await (const { id: itemId, customer, amount, metadata, invoice } of listed) {
    const teamId = metadata?.['team_id'];
    if (teamId !== undefined && metadata?.[OWN_INVOICE] === period && !isUndone(invoice)) {
      yield { teamId, itemId, customerId: idOf(customer), amount };
    }
  }
}

/**
 * Whether it is the void invoice of a change of plan that was not paid for: usage that Stripe pulled
 * onto it is owed still.
 */
export function isUndone(invoice: string | Stripe.Invoice | null): boolean {
  if (typeof invoice === 'string' || invoice === null) return false;
  return invoice.billing_reason === 'subscription_update' && invoice.status === 'void';
}

/** The subscription whose draft it is, where Stripe does not advance that. */
export function stoppedDraftOf(invoice: Stripe.Invoice): string | null {
  if (invoice.status !== 'draft' || invoice.auto_advance) return null;
  return idOf(invoice.parent?.subscription_details?.subscription);
}

/** Stripe takes 500 characters; so many months take less. */
const NAMED = 12;

/** What the customer reads on the invoice: of which months the usage is. */
function descriptionOf({ lines }: Overage): string {
  const named = lines.slice(0, NAMED).map(({ kind, period, amount }) => {
    if (kind === 'carried') return `${period} (carried forward)`;
    if (amount < 0) return `${period} (given back)`;
    return kind === 'late' ? `${period} (recorded later)` : period;
  });
  const more = lines.length > NAMED ? [`${lines.length - NAMED} more`] : [];
  return `Usage above the plan: ${[...named, ...more].join(', ')}`;
}

/** An item on the subscription's next invoice, or on `invoiceId`. */
export async function createOverageItem(
  stripe: Stripe,
  overage: Overage,
  on: { subscription: string } | { invoice: string },
): Promise<Stripe.InvoiceItem> {
  return stripe.invoiceItems.create(
    {
      customer: overage.customerId,
      currency: overage.currency,
      amount: overage.amount,
      description: descriptionOf(overage),
      metadata: metadataOf(overage),
      ...on,
    },
    { idempotencyKey: keyOf('overage', overage) },
  );
}

/** Whether the item waits for the next invoice of this subscription. */
export function waitsFor({ invoice, parent }: Stripe.InvoiceItem, subscriptionId: string): boolean {
  const subscription = parent?.subscription_details?.subscription;
  return invoice === null && subscription === subscriptionId;
}

/** The draft that was made for this record already. */
export async function findOverageDraft(
  stripe: Stripe,
  overage: Overage,
): Promise<Stripe.Invoice | undefined> {
  const { customerId: customer } = overage;
  return findOf(overage, stripe.invoices.list({ customer, status: 'draft', limit: 100 }));
}

/** The invoice that an item is on; where that is our own draft, it is finalised, to be collected. */
export async function readOverageInvoice(
  stripe: Stripe,
  overage: Overage,
  invoiceId: string,
): Promise<Stripe.Invoice> {
  const invoice = await stripe.invoices.retrieve(invoiceId);
  if (invoice.status !== 'draft' || !isOf(overage, invoice.metadata)) return invoice;
  return stripe.invoices.finalizeInvoice(
    invoiceId,
    { auto_advance: true },
    { idempotencyKey: keyOf('finalize', overage) },
  );
}

/** An empty draft of our own, for a customer without a subscription (R34). */
export async function createOverageDraft(
  stripe: Stripe,
  overage: Overage,
): Promise<Stripe.Invoice> {
  return stripe.invoices.create(
    {
      customer: overage.customerId,
      currency: overage.currency,
      collection_method: 'charge_automatically',
      // Else Stripe finalises it after an hour, empty if we died before the item was made.
      auto_advance: false,
      // Items of others that wait for a subscription must not slip in.
      pending_invoice_items_behavior: 'exclude',
      metadata: metadataOf(overage),
    },
    { idempotencyKey: keyOf('invoice', overage) },
  );
}

/** undefined: there is no such item. */
export async function readItem(
  stripe: Stripe,
  itemId: string,
): Promise<Stripe.InvoiceItem | undefined> {
  return unlessMissing(stripe.invoiceItems.retrieve(itemId));
}

/** Takes an item back that is on no invoice yet; one that is gone already is no error. */
export async function deleteItem(stripe: Stripe, itemId: string): Promise<void> {
  await unlessMissing(stripe.invoiceItems.del(itemId));
}
