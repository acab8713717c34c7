import Stripe from 'stripe';
import { z } from 'zod';
import { flag, integer, metadata, params, range, taken, text } from '../../http/params.js';
import { type Account, mergeMetadata, newId, wallClock } from '../account.js';
import { listRoute, route } from '../route.js';

/** A plan that is for sale from the start. `amount` in minor units, each month. */
export interface SeedPrice {
  id: string;
  product: string;
  name: string;
  amount: number;
  currency: string;
}

export const SEED_PRICES: SeedPrice[] = [
  {
    id: 'price_sandbox_pro',
    product: 'prod_sandbox_pro',
    name: 'Pro',
    amount: 29_900_000,
    currency: 'idr',
  },
  {
    id: 'price_sandbox_enterprise',
    product: 'prod_sandbox_enterprise',
    name: 'Enterprise',
    amount: 99_900_000,
    currency: 'idr',
  },
];

export function seed(account: Account, prices: SeedPrice[]): void {
  for (const { id, product, name, amount, currency } of prices) {
    if (!account.store.find('product', product))
      account.store.insert(newProduct({ id: product, name }));
    if (!account.store.find('price', id))
      account.store.insert(
        newPrice({ id, product, currency, amount, nickname: name, interval: 'month', every: 1 }),
      );
  }
}

function newProduct({
  id = newId('prod'),
  name,
  description = null,
  metadata = {},
}: {
  id?: string | undefined;
  name: string;
  description?: string | null | undefined;
  metadata?: Stripe.Metadata;
}): Stripe.Product {
  return {
    id,
    object: 'product',
    active: true,
    created: wallClock(),
    default_price: null,
    description,
    images: [],
    livemode: false,
    marketing_features: [],
    metadata,
    name,
    package_dimensions: null,
    shippable: null,
    statement_descriptor: null,
    tax_code: null,
    tax_details: null,
    type: 'service',
    updated: wallClock(),
    url: null,
  };
}

function newPrice({
  id = newId('price'),
  ...wish
}: {
  id?: string;
  product: string;
  currency: string;
  amount: number;
  nickname: string | null;
  interval: Stripe.Price.Recurring.Interval | null;
  every: number;
  lookupKey?: string | null;
  metadata?: Stripe.Metadata;
}): Stripe.Price {
  return {
    id,
    object: 'price',
    active: true,
    billing_scheme: 'per_unit',
    created: wallClock(),
    currency: wish.currency,
    custom_unit_amount: null,
    livemode: false,
    lookup_key: wish.lookupKey ?? null,
    metadata: wish.metadata ?? {},
    nickname: wish.nickname,
    product: wish.product,
    recurring: wish.interval && {
      interval: wish.interval,
      interval_count: wish.every,
      meter: null,
      trial_period_days: null,
      usage_type: 'licensed',
    },
    tax_behavior: 'unspecified',
    tiers_mode: null,
    transform_quantity: null,
    type: wish.interval ? 'recurring' : 'one_time',
    unit_amount: wish.amount,
    unit_amount_decimal: Stripe.Decimal.from(wish.amount),
  };
}

const changeable = {
  active: flag.optional(),
  metadata: metadata.optional(),
  nickname: text.optional(),
  name: text.optional(),
  description: text.optional(),
};

function change(
  account: Account,
  object: Stripe.Price | Stripe.Product,
  input: z.output<typeof anyChange>,
) {
  const { metadata: keys, expand: _, ...plain } = input;
  return account.update(object, {
    ...Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined)),
    metadata: mergeMetadata(object.metadata, keys),
  });
}
const anyChange = params(changeable);

export const catalogueRoutes = [
  route(
    'post',
    '/v1/products',
    params({
      id: text.optional(),
      name: text,
      description: text.optional(),
      metadata: metadata.optional(),
      ...taken('active', 'images', 'tax_code', 'unit_label', 'url'),
    }),
    (account, { id, name, description, metadata }) =>
      account.create(newProduct({ id, name, description, metadata: mergeMetadata({}, metadata) })),
  ),
  route('get', '/v1/products/:id', params({}), (account, _, id) => account.get('product', id)),
  route('post', '/v1/products/:id', anyChange, (account, input, id) =>
    change(account, account.get('product', id), input),
  ),
  listRoute(
    '/v1/products',
    'product',
    { active: flag.optional(), created: range.optional() },
    (f) => f,
  ),
  route(
    'post',
    '/v1/prices',
    params({
      currency: text,
      product: text.optional(),
      product_data: z.strictObject({ name: text, metadata: metadata.optional() }).optional(),
      unit_amount: integer,
      recurring: z
        .strictObject({
          interval: z.enum(['day', 'week', 'month', 'year']),
          interval_count: integer.optional(),
          usage_type: z.literal('licensed').optional(),
        })
        .optional(),
      nickname: text.optional(),
      lookup_key: text.optional(),
      metadata: metadata.optional(),
      ...taken('active', 'billing_scheme', 'tax_behavior', 'transfer_lookup_key'),
    }),
    (account, input) => {
      const product = input.product_data
        ? account.create(newProduct({ name: input.product_data.name }))
        : account.get('product', input.product ?? '', 'product');
      return account.create(
        newPrice({
          product: product.id,
          currency: input.currency.toLowerCase(),
          amount: input.unit_amount,
          nickname: input.nickname ?? null,
          interval: input.recurring?.interval ?? null,
          every: input.recurring?.interval_count ?? 1,
          lookupKey: input.lookup_key ?? null,
          metadata: mergeMetadata({}, input.metadata),
        }),
      );
    },
  ),
  route('get', '/v1/prices/:id', params({}), (account, _, id) => account.get('price', id)),
  route('post', '/v1/prices/:id', anyChange, (account, input, id) =>
    change(account, account.get('price', id), input),
  ),
  listRoute(
    '/v1/prices',
    'price',
    {
      active: flag.optional(),
      product: text.optional(),
      lookup_keys: z.array(text).optional(),
      currency: text.optional(),
      type: text.optional(),
    },
    ({ lookup_keys, ...same }) => ({ ...same, lookup_key: lookup_keys && { in: lookup_keys } }),
  ),
];
