import type Stripe from 'stripe';

interface Details {
  code?: string;
  param?: string;
  decline_code?: string;
  charge?: string;
  payment_intent?: Stripe.PaymentIntent;
  payment_method?: Stripe.PaymentMethod;
}

/** An error answer in Stripe's shape. https://docs.stripe.com/api/errors */
export class StripeFailure extends Error {
  readonly body: { error: Details & { type: string; message: string; doc_url?: string } };

  constructor(
    readonly status: number,
    type: 'invalid_request_error' | 'card_error' | 'idempotency_error' | 'api_error',
    message: string,
    details: Details = {},
  ) {
    super(message);
    const doc =
      details.code && `https://docs.stripe.com/error-codes/${details.code.replaceAll('_', '-')}`;
    this.body = { error: { ...details, ...(doc ? { doc_url: doc } : {}), message, type } };
  }
}

/** 400 `invalid_request_error`. */
export function invalid(message: string, details: Details = {}): StripeFailure {
  return new StripeFailure(400, 'invalid_request_error', message, details);
}

/** `resource_missing`: 404 for the object in the path, 400 for one named by a parameter. */
export function missing(noun: string, id: string, param = 'id'): StripeFailure {
  return new StripeFailure(
    param === 'id' ? 404 : 400,
    'invalid_request_error',
    `No such ${noun}: '${id}'`,
    { code: 'resource_missing', param },
  );
}
