import type { Settings } from '../config.js';
import type { PlanId } from '../domain/plans.js';
import type { PlanPrices } from './truth.js';

type PriceSettings = Pick<
  Settings,
  'NEXT_PUBLIC_STRIPE_PRO_PRICE_ID' | 'NEXT_PUBLIC_STRIPE_ENTERPRISE_PRICE_ID'
>;

/** What a plan that is sold is bought by: its price id. */
export type PriceIds = Readonly<Record<Exclude<PlanId, 'free'>, string>>;

/** The price ids of the settings. */
export function priceIds(settings: PriceSettings): PriceIds {
  return {
    pro: settings.NEXT_PUBLIC_STRIPE_PRO_PRICE_ID,
    enterprise: settings.NEXT_PUBLIC_STRIPE_ENTERPRISE_PRICE_ID,
  };
}

/** The plans by the price ids of the settings (R37). */
export function planPrices(settings: PriceSettings): PlanPrices {
  const { pro, enterprise } = priceIds(settings);
  return new Map([
    [pro, 'pro'],
    [enterprise, 'enterprise'],
  ]);
}
