// The load generator, in a process of its own: one load for each run, asked for and told of by
// messages.
import { once } from 'node:events';
import { createHistogram } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { closedLoop } from './closedLoop.js';
import type { Load, LoadMessage, LoadResult } from './load.js';
import { pacedLoop } from './pacedLoop.js';
import { Traffic } from './traffic.js';

const say = (message: LoadMessage) => process.send?.(message);

async function run(load: Load): Promise<LoadResult> {
  const traffic = new Traffic(load);
  // In microseconds.
  const latencies = createHistogram();
  let measuring = false;
  const onLatency = (ms: number) => {
    if (measuring) latencies.record(Math.max(1, Math.round(ms * 1_000)));
  };
  const failed = Promise.withResolvers<never>();
  const { rate } = load;
  const stop =
    rate === undefined
      ? closedLoop(load, traffic, onLatency, failed.reject)
      : pacedLoop({ ...load, rate }, traffic, onLatency, failed.reject);

  await Promise.race([failed.promise, delay(load.warmUpSeconds * 1_000)]);
  measuring = true;
  say({ kind: 'measuring' });
  const begun = performance.now();
  const before = traffic.acknowledged;
  await Promise.race([failed.promise, enough(load.until, traffic)]);
  measuring = false;
  const seconds = (performance.now() - begun) / 1_000;
  const measured = traffic.acknowledged - before;
  say({ kind: 'measured' });
  await Promise.race([failed.promise, stop()]);
  return {
    perSecond: measured / seconds,
    p50: latencies.percentile(50) / 1_000,
    p99: latencies.percentile(99) / 1_000,
    acknowledged: traffic.acknowledged,
    inFlight: traffic.sent - traffic.acknowledged,
    highest: [...traffic.highest],
  };
}

async function enough(until: Load['until'], traffic: Traffic): Promise<void> {
  if ('seconds' in until) return delay(until.seconds * 1_000);
  while (traffic.acknowledged < until.events) await delay(20);
}

// Whoever asked ends this process: what it says last must not be lost on the way.
const [load] = (await once(process, 'message')) as [Load];
try {
  say({ kind: 'result', result: await run(load) });
} catch (error) {
  say({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
}
