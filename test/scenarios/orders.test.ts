import type Stripe from 'stripe';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Direct } from '../support/direct.js';
import { directLedger } from '../support/directLedger.js';
import { type Lived, live, type News, type Step, type Way } from '../support/hearing.js';
import { pairwise } from '../support/pairs.js';
import { DAY, HOUR, type StripeSide } from '../support/stripeSide.js';

const ledger = directLedger();

/** The renewal of a subscription. */
interface Story {
  steps: Step[];
  /** Types of events that Stripe sends for it. */
  sends: Stripe.Event.Type[];
  /** Whether the customer pays: then it is paid though the team has heard of nothing. */
  byCustomer?: true;
}

/** The period ends, and the next invoice is drafted. */
const drafted: Step = {
  async happens({ state, side }) {
    const end = Date.parse(state.subscription?.currentPeriodEnd ?? '');
    await side.pass((end - Date.parse(side.now)) / 1_000);
  },
};

/** An hour later it is finalised, and Stripe tries to collect it. */
const collected: Step = { happens: ({ side }) => side.pass(HOUR) };

const withCard = (card: string): Step => ({
  async happens(team) {
    await exchangeCard(team.side, card);
    await drafted.happens(team);
  },
});

/** The customer's bank exchanges the card: the payment method stays. */
async function exchangeCard(side: StripeSide, card: string): Promise<void> {
  const { data } = await side.stripe.paymentMethods.list({ customer: side.customerId });
  await side.control('POST', `/payment-methods/${data[0]?.id}/card`, { card });
}

/** The timer is due, and the payment is tried at Stripe. */
async function attempted(team: Direct, after: number): Promise<string> {
  await team.side.pass(after);
  await team.turn();
  const [call] = team.calls.keys();
  if (!call?.startsWith('attempt:')) throw new Error(`${call} is no attempt`);
  await team.perform(call);
  return call;
}

async function openInvoice({ side }: Direct): Promise<Stripe.Invoice> {
  const open = (await side.invoices()).find(({ status }) => status === 'open');
  if (open === undefined) throw new Error('no invoice is open');
  return open;
}

const FINALIZED = [
  'invoice.created',
  'customer.subscription.updated',
  'payment_intent.created',
  'invoice.finalized',
] as const;
const FAILED = ['charge.failed', 'invoice.payment_failed', 'invoice.updated'] as const;
const PAID = [
  'charge.succeeded',
  'payment_intent.succeeded',
  'invoice_payment.paid',
  'invoice.paid',
  'invoice.payment_succeeded',
  'invoice.updated',
] as const;

const stories: Record<string, Story> = {
  'is paid': { steps: [drafted, collected], sends: [...FINALIZED, ...PAID] },
  'fails twice and is paid by the next attempt': {
    steps: [
      withCard('pm_card_chargeCustomerFail'),
      { ...collected, matters: true },
      { happens: (team) => attempted(team, 3 * DAY), matters: true, byTimer: true },
      {
        byTimer: true,
        async happens(team) {
          // Nobody has told of the card yet when our timer fires.
          await exchangeCard(team.side, 'pm_card_visa');
          return attempted(team, 5 * DAY);
        },
      },
    ],
    sends: [
      ...FINALIZED,
      ...FAILED,
      'payment_intent.payment_failed',
      'payment_method.automatically_updated',
      ...PAID,
    ],
  },
  "fails and is paid on Stripe's page": {
    byCustomer: true,
    steps: [
      withCard('pm_card_chargeCustomerFail'),
      { ...collected, matters: true },
      {
        async happens(team) {
          await team.side.pass(DAY);
          const { hosted_invoice_url: page } = await openInvoice(team);
          await team.side.press(page ?? '', { card: 'pm_card_visa' });
        },
      },
    ],
    sends: [...FINALIZED, ...FAILED, 'payment_intent.payment_failed', ...PAID],
  },
  'is confirmed by the customer, and paid': {
    byCustomer: true,
    steps: [
      withCard('pm_card_authenticationRequired'),
      { ...collected, matters: true },
      {
        async happens(team) {
          await team.side.pass(HOUR);
          const { id } = await openInvoice(team);
          await team.side.control('POST', `/invoices/${id}/confirm`, { succeed: true });
        },
      },
    ],
    sends: [
      ...FINALIZED,
      ...FAILED,
      'payment_intent.requires_action',
      'invoice.payment_action_required',
      ...PAID,
    ],
  },
};

test.each([2, 7, 10])(
  'the orders of %i hold each two of them next to each other, in both orders',
  (n) => {
    const next = pairwise(n).flatMap((order) => order.slice(1).map((b, i) => `${order[i]} ${b}`));
    expect(new Set(next).size).toBe(n * (n - 1));
    expect(new Set(pairwise(n).map((order) => order.toSorted().join())).size).toBe(1);
  },
);

const typesOf = (sent: readonly News[][]) =>
  sent.map((news) => news.map((piece) => (typeof piece === 'string' ? 'answer' : piece.type)));

describe.each(Object.entries(stories))('a renewal that %s', (_, story) => {
  let asSent: Lived;
  beforeAll(async () => {
    asSent = await live(ledger.pool, story.steps, { when: 'in time' });
  });

  /** As numbers of news those of what the team heard. */
  const numbered = (row: readonly number[]) => row.flatMap((n) => asSent.heard[n] ?? []);

  /** Lives the story in each of the orders; twice of all, and every other time with answers that come late. */
  async function liveAll(when: Way['when'], orders: readonly number[][]): Promise<Lived['ends'][]> {
    const all: Lived['ends'][] = [];
    for (const [row, order] of orders.entries()) {
      const overlaps = row % 2 === 1;
      const { ends, sent } = await live(ledger.pool, story.steps, {
        when,
        order,
        doubled: true,
        overlaps,
      });
      expect(typesOf(sent)).toEqual(typesOf(asSent.sent));
      all.push(ends);
    }
    return all;
  }

  test('Stripe sends what it is expected to', () => {
    expect(typesOf(asSent.sent).flat()).toEqual(expect.arrayContaining(story.sends));
  });

  test('R16, R17: any two events of a step, in both orders, end the same', async () => {
    const squares = asSent.sent.map(({ length }) => pairwise(length));
    const rows = Math.max(...squares.map(({ length }) => length));
    const orders = Array.from({ length: rows }, (_, row) => {
      let first = 0;
      return squares.flatMap((square) => {
        const own = (square[row % square.length] ?? []).map((number) => first + number);
        first += own.length;
        return own;
      });
    });
    for (const ends of await liveAll('in time', orders)) expect(ends).toEqual(asSent.ends);
  });

  test('R16, R17: any two events, in both orders, end the same when more has happened meanwhile', async () => {
    const orders = pairwise(asSent.heard.length).map(numbered);
    const end = asSent.ends.at(-1);
    for (const ends of await liveAll('late', orders)) expect(ends).toEqual([end, end]);
  });

  if (!story.byCustomer) return;
  test('R16, R26: when all has happened before the team hears of it, in whatever order, it was paid', async () => {
    const orders = pairwise(asSent.heard.length).map(numbered);
    const [first, ...others] = (await liveAll('in the end', orders)).flat();
    expect(first).toMatchObject({ mails: [], state: { ladders: [], closed: [] } });
    expect(first?.timeline.map(({ kind }) => kind)).toEqual([
      'subscription_changed',
      'tier_changed',
    ]);
    for (const other of others) expect(other).toEqual(first);
  });
});
