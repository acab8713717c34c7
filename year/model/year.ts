import { Books, sorted, type Year } from './books.js';
import { DAY, monthsAfter, type Second } from './calendar.js';
import type { Deed, Fate, Happening, Plan } from './fate.js';
import { Stripe } from './stripe.js';
import { Tagih, tierOf } from './tagih.js';

/** Twelve renewals, and as long as it takes to see what becomes of the last one. */
export const endOf = (start: Second): Second => monthsAfter(start, 12) + 12 * DAY;

/** When a happening of a year that began at `start` is. */
export const timeOf = (start: Second, { month, day }: Happening): Second =>
  monthsAfter(start, month) + Math.round(day * DAY);

/** What a year with this fate should leave behind: of the rules alone, and of nothing that was built. */
export function yearOf(fate: Fate, start: Second): Year {
  const books = new Books();
  const stripe = new Stripe();
  const tagih = new Tagih(stripe, books);
  const world = { books, stripe, tagih, disputes: 0, refunds: 0 };
  stripe.subscribe(fate.plan, start, fate.trialDays);
  tagih.look(start);

  const end = endOf(start);
  const coming = [...fate.happenings];
  for (;;) {
    const [happening] = coming;
    const told = happening === undefined ? Number.POSITIVE_INFINITY : timeOf(start, happening);
    const at = Math.min(stripe.next(), tagih.next(), told);
    if (at > end) break;
    stripe.run(at);
    tagih.look(at);
    if (tagih.next() <= at) tagih.run(at);
    if (happening === undefined || told > at) continue;
    coming.shift();
    happen(world, happening, at);
    tagih.look(at);
  }

  const { subscription, strike } = tagih;
  const status = subscription?.status ?? 'none';
  return {
    team: {
      tier: tierOf(subscription),
      status: strike === 3 && status !== 'canceled' ? 'unpaid' : status,
      strike: strike === 0 ? null : strike,
    },
    timeline: sorted(books.timeline),
    mails: books.mails,
    attempts: books.attempts.toSorted(),
    stripe: stripe.objects(),
  };
}

interface World {
  books: Books;
  stripe: Stripe;
  tagih: Tagih;
  disputes: number;
  refunds: number;
}

function happen(world: World, deed: Deed, at: Second): void {
  const { books, stripe, tagih } = world;
  const newest = stripe.open.at(-1);
  const charge = stripe.charges.findLast(({ paid }) => paid);
  switch (deed.does) {
    case 'puts card':
      stripe.card = { kind: deed.card };
      return;
    case 'pays on the page':
      stripe.card = { kind: 'good' };
      if (newest) stripe.pay(newest, stripe.card, at);
      return;
    case 'pays out of band':
      for (const invoice of stripe.open) stripe.settle(invoice, 'paid');
      return;
    case 'makes void':
      if (newest) stripe.settle(newest, 'void');
      return;
    case 'answers the bank':
      if (newest) stripe.answer(newest, deed.agrees, at);
      return;
    case 'asks for':
      return askFor(world, deed.plan, at);
    case 'subscribes':
      return stripe.subscribe(deed.plan, at);
    case 'cancels at once':
      if (tagih.subscription) stripe.cancel(tagih.subscription, at);
      return;
    case 'disputes': {
      if (!charge) return;
      charge.disputed = true;
      world.disputes += 1;
      const { name: chargeId, amount } = charge;
      const disputeId = `dispute ${world.disputes}`;
      const reason = 'fraudulent';
      return books.note(at, 'dispute_opened', { disputeId, chargeId, amount, reason });
    }
    case 'ends dispute': {
      const disputed = stripe.charges.findLast((of) => of.disputed);
      if (!disputed) return;
      const { name: chargeId, amount } = disputed;
      const disputeId = `dispute ${world.disputes}`;
      return books.note(at, 'dispute_closed', { disputeId, chargeId, amount, status: deed.as });
    }
    case 'refunds': {
      if (!charge) return;
      charge.refunded += deed.amount;
      world.refunds += 1;
      const refundId = `refund ${world.refunds}`;
      const { name: chargeId } = charge;
      const details = { refundId, chargeId, customerId: 'customer', amount: deed.amount };
      return books.note(at, 'charge_refunded', details);
    }
    case 'acts': {
      const until = deed.graceDays === undefined ? null : at + deed.graceDays * DAY;
      return tagih.act(deed.act, at, until);
    }
  }
}

const RANKS: readonly Plan[] = ['free', 'pro', 'enterprise'];

/** The host asks for a plan: a larger one begins when it is paid, a smaller one with the next period. */
function askFor({ books, stripe, tagih }: World, plan: Plan, at: Second): void {
  const { subscription } = tagih;
  if (subscription === null) return;
  const { name: subscriptionId, plan: from } = subscription;
  books.noteRequest('plan_change_requested', { subscriptionId, from, to: plan });
  const step = RANKS.indexOf(plan) - RANKS.indexOf(from);
  if (plan === 'free') subscription.cancelAt = subscription.periodEnd;
  else if (step > 0) {
    stripe.upgrade(subscription, plan, at);
    if (subscription.upgrade) books.noteRequest('plan_change_payment_required', { to: plan });
  } else if (step < 0) subscription.pendingPlan = plan;
  else {
    if (subscription.upgrade) stripe.settle(subscription.upgrade.invoice, 'void');
    subscription.cancelAt = null;
    subscription.pendingPlan = null;
  }
}
