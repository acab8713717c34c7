import { closeActivities } from './close.js';
import type { ActivityDependencies } from './dependencies.js';
import { ledgerActivities } from './ledger.js';
import { mailActivities } from './mail.js';
import { reconciliationActivities } from './reconciliation.js';
import { stripeActivities } from './stripe.js';
import { upkeepActivities } from './upkeep.js';

export type Activities = ReturnType<typeof createActivities>;

/** Everything that workflows do outside, one file for each system. */
export function createActivities(dependencies: ActivityDependencies) {
  return {
    ...ledgerActivities(dependencies),
    ...stripeActivities(dependencies),
    ...mailActivities(dependencies),
    ...closeActivities(dependencies),
    ...upkeepActivities(dependencies),
    ...reconciliationActivities(dependencies),
  };
}
