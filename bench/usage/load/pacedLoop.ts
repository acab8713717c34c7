import { Agent } from 'node:http';
import type { Load } from './load.js';
import { send } from './send.js';
import type { Traffic } from './traffic.js';

/**
 * Sends requests evenly at the rate of the load, whether or not earlier ones were answered, and takes
 * each one's time from the moment when it was due: a server that stalls is charged for all that
 * would have come meanwhile. autocannon's own rate sends a second's requests in one burst.
 */
export function pacedLoop(
  { urls, connections, rate }: Load & { rate: number },
  traffic: Traffic,
  onLatency: (ms: number) => void,
  onError: (error: unknown) => void,
): () => Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const [url = ''] = urls;
  const waiting = new Set<Promise<void>>();

  async function sendOne(due: number): Promise<void> {
    const sent = traffic.next();
    const { status, body } = await send(agent, url, sent);
    onLatency(performance.now() - due);
    traffic.answered(sent, status, body);
  }

  const begun = performance.now();
  const interval = 1_000 / rate;
  let count = 0;
  const timer = setInterval(() => {
    for (; begun + count * interval <= performance.now(); count += 1) {
      const sending = sendOne(begun + count * interval)
        .catch(onError)
        .finally(() => waiting.delete(sending));
      waiting.add(sending);
    }
  }, 1);
  return async () => {
    clearInterval(timer);
    await Promise.all(waiting);
    agent.destroy();
  };
}
