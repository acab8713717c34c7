import autocannon from 'autocannon';
import type { Load } from './load.js';
import type { Traffic, TrafficRequest } from './traffic.js';

/** Where one connection's request under way is kept until its answer comes. */
interface Context {
  sent: TrafficRequest;
}

/**
 * Each connection sends its next request as soon as it has an answer. Calls `onLatency` with each
 * request's time in ms, `onError` when one failed. Returns what stops it.
 */
export function closedLoop(
  load: Load,
  traffic: Traffic,
  onLatency: (ms: number) => void,
  onError: (error: unknown) => void,
): () => Promise<void> {
  const runs = load.urls.map((url) => {
    const instance = autocannon(
      {
        url,
        connections: Math.floor(load.connections / load.urls.length),
        // Until it is stopped.
        duration: 86_400,
        // How often it looks whether it was stopped, in ms.
        sampleInt: 50,
        headers: { 'content-type': 'application/json' },
        requests: [
          {
            setupRequest(request, context) {
              const sent = traffic.next();
              (context as Context).sent = sent;
              request.method = sent.method;
              request.path = sent.path;
              request.body = sent.body;
              request.headers = { ...request.headers, ...sent.headers };
              return request;
            },
            onResponse(status, body, context) {
              try {
                traffic.answered((context as Context).sent, status, body);
              } catch (error) {
                onError(error);
              }
            },
          },
        ],
      },
      (error) => error && onError(error),
    );
    instance.on('response', (_client, _status, _bytes, ms) => onLatency(ms));
    instance.on('reqError', onError);
    const done = new Promise<void>((resolve) => instance.on('done', () => resolve()));
    return { stop: () => instance.stop(), done };
  });
  return async () => {
    for (const { stop } of runs) stop();
    await Promise.all(runs.map(({ done }) => done));
  };
}
