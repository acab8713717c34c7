import { setCurrentDetails } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { forgetting, upkeep } from './proxies.js';

/**
 * Makes the partitions of usage events that are needed next, and drops those past retention with their
 * keys. A schedule starts it each day.
 */
export async function usageRetention(): ReturnType<Activities['keepUsagePartitions']> {
  setCurrentDetails('Makes partitions ahead, and drops those past retention');
  const dropped = await upkeep.keepUsagePartitions.executeWithOptions(
    { summary: 'Make partitions ahead, drop those past retention' },
    [],
  );
  const latest = dropped.at(-1);
  if (latest !== undefined) {
    setCurrentDetails(`Forgets the keys of usage received up to ${latest}`);
    const summary = `Forget keys received up to ${latest}`;
    await forgetting.forgetUsageKeys.executeWithOptions({ summary }, [latest]);
  }
  setCurrentDetails(latest === undefined ? 'Nothing was to drop' : `Dropped ${dropped.join(', ')}`);
  return dropped;
}
