import { setCurrentDetails } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { upkeep } from './proxies.js';

/** Makes the partitions of usage events that are needed next, and drops those past retention. A schedule starts it each day. */
export async function usageRetention(): ReturnType<Activities['keepUsagePartitions']> {
  const dropped = await upkeep.keepUsagePartitions();
  setCurrentDetails(dropped.length === 0 ? 'Nothing was to drop' : `Dropped ${dropped.join(', ')}`);
  return dropped;
}
