import Stripe from 'stripe';
import { DAY, HOUR, priceIds, type StripeSide } from './stripeSide.js';

const CARDS = [
  'pm_card_visa',
  'pm_card_chargeCustomerFail',
  'pm_card_chargeDeclinedInsufficientFunds',
  'pm_card_chargeDeclinedLostCard',
  'pm_card_authenticationRequired',
];
/** Cards that Stripe lets a customer add. */
const ADDABLE = ['pm_card_visa', 'pm_card_chargeCustomerFail', 'pm_card_authenticationRequired'];
const SUPPORT = 'price_support';

/** Something that others do at Stripe; `n` picks where there is a choice, and what makes no sense then does nothing. */
type Change = (side: StripeSide, n: number) => Promise<unknown>;

const isLive = ({ status }: Stripe.Subscription) =>
  status !== 'canceled' && status !== 'incomplete_expired';

async function live(side: StripeSide, n: number): Promise<Stripe.Subscription | undefined> {
  return pick((await side.subscriptions()).filter(isLive), n);
}

async function open(side: StripeSide, n: number): Promise<Stripe.Invoice | undefined> {
  return pick(
    (await side.invoices()).filter(({ status }) => status === 'open'),
    n,
  );
}

/** What is done to one of the subscriptions that live. */
const ofSubscription =
  (change: (side: StripeSide, subscription: Stripe.Subscription, n: number) => unknown): Change =>
  async (side, n) => {
    const subscription = await live(side, n);
    if (subscription !== undefined) await change(side, subscription, Math.floor(n / 7));
  };

/** What is done to one of the open invoices. */
const ofInvoice =
  (change: (side: StripeSide, invoice: Stripe.Invoice, n: number) => unknown): Change =>
  async (side, n) => {
    const invoice = await open(side, n);
    if (invoice !== undefined) await change(side, invoice, Math.floor(n / 7));
  };

const subscribe = async (side: StripeSide, n: number, more: object = {}) =>
  side.stripe.subscriptions.create({
    customer: side.customerId,
    items: [{ price: n % 3 === 0 ? priceIds.enterprise : priceIds.pro }],
    billing_mode: { type: 'flexible' },
    ...more,
  });

const portal = (action: string, form: Record<string, string> = {}): Change =>
  ofSubscription(async (side, { id: subscription }) => {
    const { url } = await side.stripe.billingPortal.sessions.create({ customer: side.customerId });
    await side.press(url, { action, subscription, ...form });
  });

export const stripeChanges = {
  subscribes: async (side, n) => {
    // A second subscription is the exception.
    if (n % 5 > 0 && (await live(side, 0)) !== undefined) return;
    await subscribe(side, n);
  },
  'begins a trial': async (side, n) => {
    if ((await live(side, 0)) !== undefined) return;
    const endings = ['pause', 'cancel', 'create_invoice'] as const;
    await subscribe(side, n, {
      trial_period_days: 1 + (n % 8),
      trial_settings: { end_behavior: { missing_payment_method: endings[n % 3] } },
    });
  },
  'extends the trial': ofSubscription(async ({ stripe }, { id, status, trial_end }, n) => {
    if (status !== 'trialing' || trial_end === null) return;
    const end = trial_end + (n % 9) * DAY;
    if (end > trial_end) await stripe.subscriptions.update(id, { trial_end: end });
  }),
  'buys support': async (side, n) => {
    await subscribe(side, n, { items: [{ price: SUPPORT }] });
  },
  'period ends': ofSubscription(async (side, { id, status }) => {
    if (status !== 'incomplete' && status !== 'paused') {
      await side.control('POST', `/subscriptions/${id}/renew`);
    }
  }),
  'card is another one': async (side, n) => {
    const card = CARDS[n % CARDS.length];
    await side.control('POST', `/customers/${side.customerId}/card`, { card });
  },
  'card is exchanged by its network': async (side, n) => {
    const { data } = await side.stripe.paymentMethods.list({ customer: side.customerId });
    const card = CARDS[Math.floor(n / 7) % CARDS.length];
    const method = pick(data, n);
    if (method) await side.control('POST', `/payment-methods/${method.id}/card`, { card });
  },
  'card is added': async ({ stripe, customerId: customer }, n) => {
    await stripe.paymentMethods.attach(ADDABLE[n % ADDABLE.length] ?? '', { customer });
  },
  'cards are removed': async ({ stripe, customerId: customer }) => {
    const { data } = await stripe.paymentMethods.list({ customer, limit: 100 });
    for (const { id } of data) await stripe.paymentMethods.detach(id);
  },
  'customer pays on the page': ofInvoice(async (side, { hosted_invoice_url }, n) => {
    if (!hosted_invoice_url) return;
    await side.press(hosted_invoice_url, { card: ADDABLE[n % ADDABLE.length] ?? '' });
  }),
  'customer answers the bank': ofInvoice(async (side, { id }, n) => {
    const body = JSON.stringify({ succeed: n % 2 === 0 });
    const headers = { 'content-type': 'application/json' };
    // Refused where the bank has not asked.
    await fetch(`${side.url}/sandbox/invoices/${id}/confirm`, { method: 'POST', headers, body });
  }),
  'is paid out of band': ofInvoice(({ stripe }, { id }) =>
    stripe.invoices.pay(id, { paid_out_of_band: true }),
  ),
  'is made void': ofInvoice(({ stripe }, { id }) => stripe.invoices.voidInvoice(id)),
  'is written off': ofInvoice(({ stripe }, { id }) => stripe.invoices.markUncollectible(id)),
  'is cancelled now': ofSubscription(({ stripe }, { id }) => stripe.subscriptions.cancel(id)),
  'is to end with the period': portal('cancel'),
  'is to go on': portal('resume'),
  'plan is changed in the portal': async (side, n) => {
    const price = n % 2 === 0 ? priceIds.pro : priceIds.enterprise;
    await portal(n % 3 === 0 ? 'change-now' : 'change-later', { price })(side, n);
  },
  'plan is kept in the portal': portal('keep-plan'),
  'is taken up again': ofSubscription(async ({ stripe }, { id, status }) => {
    if (status === 'paused') await stripe.subscriptions.resume(id);
  }),
  'collection is paused': ofSubscription(({ stripe, now }, { id }, n) => {
    const behaviors = ['keep_as_draft', 'mark_uncollectible', 'void'] as const;
    const behavior = behaviors[n % 3] ?? 'void';
    const resumes_at = Math.floor(Date.parse(now) / 1_000) + (1 + (n % 50)) * DAY;
    const pause_collection = { behavior, ...(n % 2 === 0 && { resumes_at }) };
    return stripe.subscriptions.update(id, { pause_collection });
  }),
  'collection goes on': ofSubscription(({ stripe }, { id }) =>
    stripe.subscriptions.update(id, { pause_collection: null }),
  ),
  'a charge is refunded': async (side, n) => {
    const charge = await charged(side, n);
    if (charge !== undefined && !charge.refunded) {
      await side.stripe.refunds.create({ charge: charge.id, amount: 1_000 * (1 + (n % 9)) });
    }
  },
  'a charge is disputed': async (side, n) => {
    const charge = await charged(side, n);
    if (charge !== undefined && !charge.disputed) {
      await side.control('POST', `/charges/${charge.id}/dispute`);
    }
  },
  'a dispute ends': async (side, n) => {
    const { data } = await side.stripe.disputes.list({ limit: 10 });
    const dispute = data.find(({ status }) => status === 'needs_response');
    const status = n % 2 === 0 ? 'won' : 'lost';
    if (dispute) await side.control('POST', `/disputes/${dispute.id}/close`, { status });
  },
  'keys are forgotten': (side) => side.control('DELETE', '/idempotency-keys'),
  'hours pass': (side, n) => side.pass((1 + (n % 30)) * HOUR),
  'days pass': (side, n) => side.pass((1 + (n % 6)) * DAY),
} satisfies Record<string, Change>;

export type StripeChange = keyof typeof stripeChanges;

/** Does it; what Stripe refuses has not happened. */
export async function change(side: StripeSide, kind: StripeChange, n: number): Promise<void> {
  try {
    await stripeChanges[kind](side, n);
  } catch (error) {
    const refused = error instanceof Stripe.errors.StripeError && (error.statusCode ?? 500) < 500;
    if (!refused) throw error;
  }
}

async function charged(
  { stripe, customerId: customer }: StripeSide,
  n: number,
): Promise<Stripe.Charge | undefined> {
  const { data } = await stripe.charges.list({ customer, limit: 100 });
  return pick(
    data.filter(({ paid }) => paid),
    n,
  );
}

export function pick<T>(from: readonly T[], n: number): T | undefined {
  return from[n % from.length];
}
