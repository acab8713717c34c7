import type { Settings } from '../config.js';
import type { PlanPrices } from './truth.js';

/** The plans by the price ids of the settings (R37). */
export function planPrices(
  settings: Pick<
    Settings,
    'NEXT_PUBLIC_STRIPE_PRO_PRICE_ID' | 'NEXT_PUBLIC_STRIPE_ENTERPRISE_PRICE_ID'
  >,
): PlanPrices {
  return new Map([
    [settings.NEXT_PUBLIC_STRIPE_PRO_PRICE_ID, 'pro'],
    [settings.NEXT_PUBLIC_STRIPE_ENTERPRISE_PRICE_ID, 'enterprise'],
  ]);
}
