import { setCurrentDetails } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { forgetting, upkeep } from './proxies.js';

/**
 * Makes the partitions of usage events that are needed next, and drops those past retention with their
 * keys. A schedule starts it each day.
 */
export async function usageRetention(): ReturnType<Activities['keepUsagePartitions']> {
  const dropped = await upkeep.keepUsagePartitions();
  const latest = dropped.at(-1);
  if (latest !== undefined) await forgetting.forgetUsageKeys(latest);
  setCurrentDetails(latest === undefined ? 'Nothing was to drop' : `Dropped ${dropped.join(', ')}`);
  return dropped;
}
