import type Stripe from 'stripe';
import { invalid, StripeFailure } from '../../http/error.js';
import { type Account, newId } from '../account.js';

export interface Decline {
  code: 'card_declined' | 'authentication_required';
  declineCode: string;
  message: string;
}
export type CardBehaviour =
  | { kind: 'approve' }
  | { kind: 'authenticate' }
  | ({ kind: 'decline'; attachable: boolean } & Decline);

interface TestCard {
  brand: string;
  last4: string;
  behaviour: CardBehaviour;
}

function declining(
  last4: string,
  declineCode: string,
  message: string,
  attachable = false,
): TestCard {
  return {
    brand: 'visa',
    last4,
    behaviour: { kind: 'decline', attachable, code: 'card_declined', declineCode, message },
  };
}

/** Stripe's test cards, by the names of https://docs.stripe.com/testing. */
export const TEST_CARDS: Record<string, TestCard> = {
  pm_card_visa: { brand: 'visa', last4: '4242', behaviour: { kind: 'approve' } },
  pm_card_mastercard: { brand: 'mastercard', last4: '4444', behaviour: { kind: 'approve' } },
  pm_card_authenticationRequired: {
    brand: 'visa',
    last4: '3184',
    behaviour: { kind: 'authenticate' },
  },
  pm_card_chargeCustomerFail: declining('0341', 'generic_decline', 'Your card was declined.', true),
  pm_card_chargeDeclined: declining('0002', 'generic_decline', 'Your card was declined.'),
  pm_card_chargeDeclinedInsufficientFunds: declining(
    '9995',
    'insufficient_funds',
    'Your card has insufficient funds.',
  ),
  pm_card_chargeDeclinedLostCard: declining('9987', 'lost_card', 'Your card was declined.'),
  pm_card_chargeDeclinedStolenCard: declining('9979', 'stolen_card', 'Your card was declined.'),
};

/** After these Stripe goes on scheduling attempts and executes none until the card is another one. */
export const HARD_DECLINES = new Set(['lost_card', 'stolen_card']);

export function behaviourOf(method: Stripe.PaymentMethod): CardBehaviour {
  const card = Object.values(TEST_CARDS).find(({ last4 }) => last4 === method.card?.last4);
  return card?.behaviour ?? { kind: 'approve' };
}

/**
 * Puts a test card on a customer, as a new payment method. Cards that Stripe declines on sight can't be
 * attached; `worn` lets them in all the same, as cards that were good once.
 */
export function attachCard(
  account: Account,
  name: string,
  customer: string,
  worn = false,
): Stripe.PaymentMethod {
  const card = TEST_CARDS[name];
  if (!card) return account.get('payment_method', name, 'payment_method');
  const { behaviour } = card;
  if (behaviour.kind === 'decline' && !behaviour.attachable && !worn)
    throw new StripeFailure(402, 'card_error', behaviour.message, {
      code: behaviour.code,
      decline_code: behaviour.declineCode,
    });
  const clock = account.get('customer', customer, 'customer').test_clock ?? null;
  return attach(account, account.create(paymentMethod(card, account.now(clock))), customer);
}

export function attach(
  account: Account,
  method: Stripe.PaymentMethod,
  customer: string,
): Stripe.PaymentMethod {
  account.set(method, { customer });
  account.emit('payment_method.attached', method);
  return method;
}

/** What the networks do when a bank issues a new card for an old one. */
export function exchangeCard(
  account: Account,
  method: Stripe.PaymentMethod,
  name: string,
): Stripe.PaymentMethod {
  const card = TEST_CARDS[name];
  if (!card) throw invalid(`No such test card: '${name}'`, { param: 'card' });
  account.set(method, { card: cardOf(card) });
  account.emit('payment_method.automatically_updated', method);
  return method;
}

function paymentMethod(card: TestCard, created: number): Stripe.PaymentMethod {
  return {
    id: newId('pm'),
    object: 'payment_method',
    allow_redisplay: 'unspecified',
    billing_details: { address: null, email: null, name: null, phone: null, tax_id: null },
    card: cardOf(card),
    created,
    customer: null,
    customer_account: null,
    livemode: false,
    metadata: {},
    type: 'card',
  };
}

function cardOf(card: TestCard): Stripe.PaymentMethod.Card {
  return {
    brand: card.brand,
    checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
    country: 'US',
    display_brand: card.brand,
    exp_month: 12,
    exp_year: new Date().getUTCFullYear() + 3,
    fingerprint: `sandbox${card.last4}`,
    funding: 'credit',
    generated_from: null,
    last4: card.last4,
    networks: { available: [card.brand], preferred: null },
    regulated_status: 'unregulated',
    three_d_secure_usage: { supported: true },
    wallet: null,
  };
}
