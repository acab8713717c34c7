import { transaction } from '../src/db/pool.js';
import { dropUsagePartitions, makeUsagePartitions } from '../src/db/usagePartitions.js';
import { retainedSince } from '../src/domain/retention.js';
import type { ActivityDependencies } from './dependencies.js';

export const upkeepActivities = ({
  pool,
  retentionMonths,
}: Pick<ActivityDependencies, 'pool' | 'retentionMonths'>) => ({
  /** The months of receipt whose usage events were dropped; their totals and records stay. */
  async keepUsagePartitions(): Promise<string[]> {
    const now = new Date();
    await transaction(pool, (db) => makeUsagePartitions(db, now));
    return transaction(pool, (db) => dropUsagePartitions(db, retainedSince(now, retentionMonths)));
  },
});
