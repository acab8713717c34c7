import type Stripe from 'stripe';

/** A mail as Postmark accepted it. `created` is in epoch seconds, like everything stored here. */
export interface Mail {
  id: string;
  object: 'mail';
  created: number;
  from: string;
  to: string;
  subject: string;
  tag: string | null;
  html: string | null;
  text: string | null;
  stream: string;
  metadata: Record<string, string>;
  /** `content`: in base64. Mails of earlier releases have none. */
  attachments?: { name: string; contentType: string; content: string }[];
}

/** What becomes of a subscription whose trial ends without a card. */
export type MissingPaymentMethod = 'cancel' | 'create_invoice' | 'pause';

/** What a checkout session was asked to sell; Stripe keeps that to itself. */
interface CheckoutOrder {
  id: string;
  object: 'checkout_order';
  items: { price: string; quantity?: number | undefined }[];
  metadata: Record<string, string>;
  billingMode: 'classic' | 'flexible' | null;
  description: string | null;
  trialDays: number | null;
  missingPaymentMethod: MissingPaymentMethod | null;
}

/** When a trial's end is to be told of; Stripe has no object for it. */
export interface TrialNotice {
  id: string;
  object: 'trial_notice';
  subscription: string;
  test_clock: string | null;
  /** Null once it is told. */
  at: number | null;
}

export type Resource =
  | Stripe.BillingPortal.Session
  | Stripe.Charge
  | Stripe.Checkout.Session
  | Stripe.Customer
  | Stripe.Dispute
  | Stripe.Event
  | Stripe.Invoice
  | Stripe.InvoiceItem
  | Stripe.InvoicePayment
  | Stripe.PaymentIntent
  | Stripe.PaymentMethod
  | Stripe.Price
  | Stripe.Product
  | Stripe.Refund
  | Stripe.Subscription
  | Stripe.SubscriptionSchedule
  | Stripe.TestHelpers.TestClock
  | CheckoutOrder
  | Mail
  | TrialNotice;
export type Kind = Resource['object'];
export type Of<K extends Kind> = Extract<Resource, { object: K }>;
