import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Load } from './load.js';
import type { Traffic } from './traffic.js';

/**
 * Sends requests evenly at the rate of the load, whether or not earlier ones were answered, and takes
 * each one's time from the moment when it was due: a server that stalls is charged for all that
 * would have come meanwhile. autocannon's own rate sends a second's requests in one burst.
 */
export function pacedLoop(
  load: Load & { rate: number },
  traffic: Traffic,
  onLatency: (ms: number) => void,
  onError: (error: unknown) => void,
): () => Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.connections });
  const headers = {
    authorization: `Bearer ${load.apiKey}`,
    'content-type': 'application/json',
  };
  const [url] = load.urls;
  const waiting = new Set<Promise<void>>();

  async function send(due: number): Promise<void> {
    const sent = traffic.next();
    const { method, path, body } = sent;
    const status = await new Promise<{ code: number; body: string }>((resolve, reject) => {
      const length = Buffer.byteLength(body);
      const outgoing = request(
        new URL(path, url),
        { agent, method, headers: { ...headers, 'content-length': length } },
        (response) =>
          text(response).then((body) => resolve({ code: response.statusCode ?? 0, body }), reject),
      );
      outgoing.once('error', reject);
      outgoing.end(body);
    });
    onLatency(performance.now() - due);
    traffic.answered(sent, status.code, status.body);
  }

  const begun = performance.now();
  const interval = 1_000 / load.rate;
  let count = 0;
  const timer = setInterval(() => {
    for (; begun + count * interval <= performance.now(); count += 1) {
      const sending = send(begun + count * interval)
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
