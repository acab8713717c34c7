import { heartbeat } from '@temporalio/activity';
import { transaction } from '../src/db/pool.js';
import { teamIds } from '../src/db/teams.js';
import { forgetUsageKeys } from '../src/db/usageKeys.js';
import { dropUsagePartitions, makeUsagePartitions } from '../src/db/usagePartitions.js';
import { retainedSince } from '../src/domain/retention.js';
import type { ActivityDependencies } from './dependencies.js';
import { now } from './now.js';

const DAY_MS = 86_400_000;
/** Teams whose keys are forgotten in one statement. */
const TEAMS = 100;

export const upkeepActivities = ({
  pool,
  retentionMonths,
}: Pick<ActivityDependencies, 'pool' | 'retentionMonths'>) => ({
  /** The months of receipt whose usage events were dropped; their totals and records stay. */
  async keepUsagePartitions(): Promise<string[]> {
    await transaction(pool, (db) => makeUsagePartitions(db, now()));
    // A day after what is refused for its age: usage at the edge may have said that it occurs in 5 minutes.
    const since = new Date(retainedSince(now(), retentionMonths).getTime() - DAY_MS);
    return transaction(pool, (db) => dropUsagePartitions(db, since));
  },

  /** Forgets the keys of usage that was dropped with `month` or before. May run again at any time. */
  async forgetUsageKeys(month: string): Promise<void> {
    let after = '';
    for (;;) {
      const ids = await teamIds(pool, after, TEAMS);
      const [first, last] = [ids[0], ids.at(-1)];
      if (first === undefined || last === undefined) return;
      await forgetUsageKeys(pool, month, { first, last });
      heartbeat(last);
      after = last;
    }
  },
});
