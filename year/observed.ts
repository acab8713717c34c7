import type Stripe from 'stripe';
import type { ClockedTeam } from '../test/support/months.js';
import type { Mail, Product } from '../test/support/product.js';
import { type Details, type Line, ON_REQUEST, sorted, type Year } from './model/books.js';
import { hour } from './model/calendar.js';

const INSTANT = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;
const REQUESTS = ['plan_change_requested', 'plan_change_payment_required'];

/** What a year has left behind of a team, in the ledger, in mails and at Stripe, in the model's own terms. */
export async function observe(product: Product, customer: ClockedTeam): Promise<Year> {
  const { teamId } = customer;
  const objects = await objectsOf(product, customer);
  const named = namesOf(customer, objects);
  const { body: team } = await product.api('GET', `/api/v1/teams/${teamId}`);
  return {
    team: {
      tier: team.tier,
      status: team.subscriptionStatus,
      strike: team.dunning?.strike ?? null,
    },
    timeline: sorted(await timelineOf(product, teamId, named)),
    mails: (await product.mails(teamId)).map((mail) => mailOf(mail, named)),
    attempts: (await attemptsOf(product, objects.invoices)).map(named).toSorted(),
    stripe: {
      subscriptions: objects.subscriptions.map((of) => ({
        plan: of.items.data[0]?.price.id.replace('price_sandbox_', '') ?? '',
        status: of.status,
        startedAt: hour(of.start_date),
        endedAt: of.ended_at === null ? null : hour(of.ended_at),
        cancelAt: of.cancel_at === null ? null : hour(of.cancel_at),
        periodEnd: hour(of.items.data[0]?.current_period_end ?? 0),
      })),
      invoices: objects.invoices.map(({ billing_reason, status, amount_due, created }) => ({
        reason: billing_reason ?? '',
        status: status ?? '',
        amount: amount_due,
        createdAt: hour(created),
      })),
      charges: objects.charges.map(({ amount, paid, amount_refunded, disputed, created }) => ({
        amount,
        paid,
        refunded: amount_refunded,
        disputed,
        at: hour(created),
      })),
    },
  };
}

interface StripeObjects {
  subscriptions: Stripe.Subscription[];
  invoices: Stripe.Invoice[];
  charges: Stripe.Charge[];
  disputes: Stripe.Dispute[];
  refunds: Stripe.Refund[];
}

/** All of a customer, oldest first. */
async function objectsOf({ stripe }: Product, { customerId }: ClockedTeam): Promise<StripeObjects> {
  const list = { customer: customerId, limit: 100 };
  const [subscriptions, invoices, charges] = await Promise.all([
    stripe.subscriptions.list({ ...list, status: 'all' }),
    stripe.invoices.list(list),
    stripe.charges.list(list),
  ]);
  const ofCharges = charges.data.map(async ({ id: charge, disputed, amount_refunded }) => ({
    disputes: disputed ? (await stripe.disputes.list({ charge })).data : [],
    refunds: amount_refunded > 0 ? (await stripe.refunds.list({ charge })).data : [],
  }));
  const changed = (await Promise.all(ofCharges)).toReversed();
  return {
    subscriptions: subscriptions.data.toReversed(),
    invoices: invoices.data.toReversed(),
    charges: charges.data.toReversed(),
    disputes: changed.flatMap(({ disputes }) => disputes),
    refunds: changed.flatMap(({ refunds }) => refunds),
  };
}

/** Gives ids the names that the model has for them, wherever they stand in a text. */
function namesOf({ customerId }: ClockedTeam, objects: StripeObjects): (text: string) => string {
  const names = new Map([[customerId, 'customer']]);
  for (const [kind, list] of Object.entries(objects)) {
    for (const [index, { id }] of (list as { id: string }[]).entries()) {
      names.set(id, `${kind.slice(0, -1)} ${index + 1}`);
    }
  }
  return (text) => text.replace(/[a-z]+_\w+/g, (id) => names.get(id) ?? id);
}

async function timelineOf(
  { pool }: Product,
  teamId: string,
  named: (text: string) => string,
): Promise<Line[]> {
  const { rows } = await pool.query<{ at: Date; kind: string; details: Details }>(
    'select at, kind, details from tagih.timeline where team_id = $1 order by id',
    [teamId],
  );
  const plain = (value: Details[string]) => {
    if (typeof value !== 'string') return value;
    return INSTANT.test(value) ? hour(Date.parse(value) / 1_000) : named(value);
  };
  return rows.map(({ at, kind, details }) => ({
    at: REQUESTS.includes(kind) ? ON_REQUEST : hour(at.getTime() / 1_000),
    kind,
    details: Object.fromEntries(Object.entries(details).map(([key, value]) => [key, plain(value)])),
  }));
}

function mailOf(
  { tag, text, metadata }: Mail,
  named: (text: string) => string,
): Year['mails'][number] {
  // Of several that were paid at once any may be the last.
  const about = tag === 'payment-recovered' ? '' : named(metadata['cause'] ?? '');
  const [, invoice = null] = /^(invoice \d+)/.exec(about) ?? [];
  const [, whole = '0', cents = '00'] = /Rp\s([\d.]+)(?:,(\d\d))?/.exec(text) ?? [];
  const amount = invoice === null ? null : Number(`${whole.replaceAll('.', '')}${cents}`);
  return { tag, invoice, amount };
}

/** Our own attempts, as Stripe saw them: one key is one attempt (R35). */
async function attemptsOf(
  { control }: Product,
  invoices: readonly Stripe.Invoice[],
): Promise<string[]> {
  const path = encodeURIComponent('^/v1/invoices/[^/]+/pay$');
  const requests = await control<{ idempotencyKey: string | null }[]>(
    'GET',
    `/requests?path=${path}`,
  );
  const keys = new Set(requests.map(({ idempotencyKey }) => idempotencyKey ?? ''));
  const ours = invoices.map(({ id }) => `tagih:pay:${id}:`);
  return [...keys]
    .filter((key) => ours.some((prefix) => key.startsWith(prefix)))
    .map((key) => key.replace('tagih:pay:', ''));
}
