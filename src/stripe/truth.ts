import type Stripe from 'stripe';
import { z } from 'zod';
import type { PlanId } from '../domain/plans.js';
import {
  currentSubscription,
  type PendingPlan,
  type Subscription,
  stripeStatuses,
} from '../domain/subscription.js';
import type { Invoice, Truth } from '../domain/team.js';
import { readAttempts } from './attempts.js';
import { readDisputes, readRefunds } from './charges.js';
import { unlessMissing } from './errors.js';
import { idOf, instant } from './values.js';

/** Which plan a price id stands for (R37). */
export type PlanPrices = ReadonlyMap<string, PlanId>;

export interface Ask {
  /** The subscription that the team has as far as is known: it must be there. */
  subscriptionId: string | null;
  customerIds: readonly string[];
  subscriptionIds: readonly string[];
  invoiceIds: readonly string[];
  chargeIds: readonly string[];
  disputeIds: readonly string[];
}

/** A status that Stripe may add one day stops the reading, where operators see it, rather than be guessed at. */
const subscriptionStatus = z.enum(stripeStatuses);

/** Statuses of an invoice that was finalised; a draft is nobody's debt yet. */
const finalStatus = z.enum(['open', 'paid', 'void', 'uncollectible']);

/** Marks invoices that Tagih makes itself, in their metadata (R34). */
export const OWN_INVOICE = 'tagih_period';

/**
 * What is true at Stripe now of a customer's subscriptions, its open invoices and those asked for,
 * each read once (R16); and where open invoices are paid.
 */
export async function readTruth(
  stripe: Stripe,
  ask: Ask,
  prices: PlanPrices,
): Promise<Omit<Truth, 'policy' | 'zone'> & { links: Map<string, string> }> {
  const lists = await Promise.all(ask.customerIds.map((id) => subscriptionsOf(stripe, id)));
  const unknownCustomerIds = ask.customerIds.filter((_, index) => lists[index] === undefined);
  const listed = lists.flatMap((list) => list ?? []);
  const subscriptions = [...listed, ...(await readUnlisted(stripe, ask, listed))];
  const mapped = subscriptions.map((subscription) => subscriptionOf(subscription, prices));
  const current = currentSubscription(mapped);
  const customerId = current?.customerId ?? ask.customerIds[0];
  const refunds = await readRefunds(stripe, ask.chargeIds);
  const disputes = await readDisputes(stripe, ask.disputeIds);
  if (customerId === undefined) {
    return {
      refunds,
      disputes,
      customerId: null,
      unknownCustomerIds,
      subscriptions: mapped,
      invoices: [],
      defaultPaymentMethodIds: [],
      links: new Map(),
    };
  }
  const invoices = await readInvoices(stripe, customerId, ask.invoiceIds);
  const open = invoices.filter(({ status }) => status === 'open');
  const ofCurrent = subscriptions.find(({ id }) => id === current?.id);
  const upgrades = subscriptions.flatMap(({ pending_update, latest_invoice }) =>
    pending_update === null ? [] : (idOf(latest_invoice) ?? []),
  );
  const read = await Promise.all(
    invoices.map((invoice) => invoiceOf(stripe, invoice, upgrades.includes(invoice.id))),
  );
  const deleted = ask.invoiceIds.filter((id) => invoices.every((invoice) => invoice.id !== id));
  return {
    refunds,
    disputes,
    settles: invoices.some((invoice) => ask.invoiceIds.includes(invoice.id) && hasEnded(invoice)),
    customerId,
    unknownCustomerIds,
    subscriptions: mapped,
    invoices: [...read.flat(), ...deleted.map(asVoid)],
    defaultPaymentMethodIds:
      open.length === 0 ? [] : await readDefaultPaymentMethod(stripe, customerId, ofCurrent),
    links: new Map(
      open.flatMap(({ id, hosted_invoice_url }) =>
        hosted_invoice_url ? [[id, hosted_invoice_url] as const] : [],
      ),
    ),
  };
}

/** All subscriptions that a customer ever had; undefined for a customer that Stripe does not have. */
async function subscriptionsOf(
  stripe: Stripe,
  customer: string,
): Promise<Stripe.Subscription[] | undefined> {
  const list = stripe.subscriptions
    .list({ customer, status: 'all', limit: 100, expand: ['data.schedule'] })
    .autoPagingToArray({ limit: 1_000 });
  const listed = (await unlessMissing(list)) ?? [];
  if (listed.length > 0) return listed;
  // Nothing listed is also what a mistaken id may look like.
  const found = await unlessMissing(stripe.customers.retrieve(customer));
  return found === undefined || found.deleted ? undefined : [];
}

/** The subscriptions that are known or named, and not listed. */
async function readUnlisted(
  stripe: Stripe,
  ask: Ask,
  listed: readonly Stripe.Subscription[],
): Promise<Stripe.Subscription[]> {
  const isListed = (id: string) => listed.some((known) => known.id === id);
  const { subscriptionId: known } = ask;
  // Stripe forgets no subscription. Where it does not know this one, the key is another account's:
  // this throws, lest every team lose its plan.
  const retrieve = (id: string) => stripe.subscriptions.retrieve(id, { expand: ['schedule'] });
  const own = known === null || isListed(known) ? [] : [await retrieve(known)];
  const missing = ask.subscriptionIds.filter((id) => id !== known && !isListed(id));
  const named = missing.map((id) => unlessMissing(retrieve(id)));
  const found = (await Promise.all(named)).filter((subscription) => subscription !== undefined);
  return [...own, ...found];
}

async function readInvoices(
  stripe: Stripe,
  customer: string,
  named: readonly string[],
): Promise<Stripe.Invoice[]> {
  const list = stripe.invoices
    .list({ customer, status: 'open', limit: 100, expand: ['data.payments'] })
    .autoPagingToArray({ limit: 1_000 });
  const open = (await unlessMissing(list)) ?? [];
  const others = named.filter((id) => open.every((invoice) => invoice.id !== id));
  const found = others.map((id) =>
    unlessMissing(stripe.invoices.retrieve(id, { expand: ['payments'] })),
  );
  return [...open, ...(await Promise.all(found)).filter((invoice) => invoice !== undefined)];
}

/** The payment method that Stripe would charge: the subscription's own, else the customer's. */
async function readDefaultPaymentMethod(
  stripe: Stripe,
  customerId: string,
  subscription: Stripe.Subscription | undefined,
): Promise<string[]> {
  const own = idOf(subscription?.default_payment_method);
  if (own !== null) return [own];
  const customer = await unlessMissing(stripe.customers.retrieve(customerId));
  if (customer === undefined || customer.deleted) return [];
  return [idOf(customer.invoice_settings.default_payment_method) ?? []].flat();
}

/** The item that sells the plan: an add-on may come before it, or be all that there is. */
export function planItem(
  { items }: Stripe.Subscription,
  prices: PlanPrices,
): Stripe.SubscriptionItem | undefined {
  return items.data.find(({ price }) => prices.has(price.id)) ?? items.data[0];
}

/** A subscription, read with its schedule, as the domain knows it (R37). */
export function subscriptionOf(
  subscription: Stripe.Subscription,
  prices: PlanPrices,
): Subscription {
  const { schedule, trial_end, pause_collection: pause } = subscription;
  const item = planItem(subscription, prices);
  const priceId = item?.price.id ?? '';
  const plan = prices.get(priceId) ?? null;
  return {
    id: subscription.id,
    customerId: idOf(subscription.customer) ?? '',
    status: subscriptionStatus.parse(subscription.status),
    priceId,
    plan,
    startedAt: instant(subscription.start_date),
    endedAt: subscription.ended_at === null ? null : instant(subscription.ended_at),
    currentPeriodEnd: instant(item?.current_period_end ?? subscription.start_date),
    cancelAt: subscription.cancel_at === null ? null : instant(subscription.cancel_at),
    trialEnd: trial_end === null ? null : instant(trial_end),
    pendingPlan: typeof schedule === 'object' ? pendingPlanOf(schedule, plan, prices) : null,
    ...(pause && {
      pauseCollection: {
        behavior: pause.behavior,
        resumesAt: pause.resumes_at === null ? null : instant(pause.resumes_at),
      },
    }),
  };
}

/** The next plan of a schedule that is under way, where it is another than `plan`. */
function pendingPlanOf(
  schedule: Stripe.SubscriptionSchedule | null,
  plan: PlanId | null,
  prices: PlanPrices,
): PendingPlan | null {
  if (schedule?.status !== 'active' || schedule.current_phase === null) return null;
  for (const { start_date, items } of phasesToCome(schedule)) {
    const ids = items.map(({ price }) => idOf(price) ?? '');
    const next = ids.map((id) => prices.get(id)).find((known) => known !== undefined);
    if (next !== undefined && next !== plan) return { plan: next, at: instant(start_date) };
  }
  return null;
}

/** The phases of a schedule that have not begun. */
export function phasesToCome({
  current_phase,
  phases,
}: Stripe.SubscriptionSchedule): Stripe.SubscriptionSchedule.Phase[] {
  return phases.filter(
    ({ start_date }) => current_phase === null || start_date >= current_phase.end_date,
  );
}

/** `ofUpgrade`: it is the invoice of an upgrade that waits for its payment, and has no ladder (R22). */
async function invoiceOf(
  stripe: Stripe,
  invoice: Stripe.Invoice,
  ofUpgrade: boolean,
): Promise<Invoice[]> {
  const { id } = invoice;
  const { success, data: status } = finalStatus.safeParse(invoice.status);
  if (!success) return [];
  const subscriptionId = idOf(invoice.parent?.subscription_details?.subscription);
  const unpaid = status === 'open' && invoice.attempted;
  return [
    {
      id,
      status,
      subscriptionId,
      origin:
        subscriptionId === null || ofUpgrade || invoice.metadata?.[OWN_INVOICE] !== undefined
          ? 'other'
          : invoice.billing_reason === 'subscription_create'
            ? 'first_payment'
            : 'subscription',
      amountDue: invoice.amount_remaining,
      attemptCount: invoice.attempt_count,
      ...(unpaid
        ? await readAttempts(stripe, invoice)
        : { needsConfirmation: false, failures: [] }),
    },
  ];
}

/** Whether it is known how the invoice of a change of plan ended, and so where usage that was pulled onto it is owed (R34). */
function hasEnded({ billing_reason, status }: Stripe.Invoice): boolean {
  return billing_reason === 'subscription_update' && (status === 'paid' || status === 'void');
}

/** What Stripe has no more can't be owed any more. */
const asVoid = (id: string): Invoice => ({
  id,
  status: 'void',
  subscriptionId: null,
  origin: 'other',
  amountDue: 0,
  needsConfirmation: false,
  failures: [],
});
