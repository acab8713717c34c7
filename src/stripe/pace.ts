import { setTimeout as delay } from 'node:timers/promises';
import Stripe from 'stripe';

/** Gives the next requests to an endpoint a time: in how many ms the first of `count` may go. */
export type Reserve = (endpoint: string, perSecond: number, count: number) => Promise<number>;

/** One reservation a request at Stripe's own limit; where more may go, as many as go in 40 ms. */
const RESERVED_MS = 40;

/**
 * Lets requests wait for their turn: at most `perSecond` to each endpoint
 * (docs.stripe.com/rate-limits), among all who share what `reserve` writes.
 */
export class Pace {
  /** Turns that are reserved and not used, by endpoint: when the next may be had, in ms. */
  private readonly reserved = new Map<string, Promise<number>[]>();

  constructor(
    private readonly perSecond: number,
    private readonly reserve: Reserve,
  ) {}

  /** Comes back when the request may go. */
  async turn(method: string, path: string): Promise<void> {
    const endpoint = endpointOf(method, path);
    let turns = this.reserved.get(endpoint);
    if (turns === undefined || turns.length === 0) {
      turns = this.more(endpoint);
      this.reserved.set(endpoint, turns);
    }
    const wait = ((await turns.shift()) ?? 0) - performance.now();
    if (wait > 0) await delay(wait);
  }

  private more(endpoint: string): Promise<number>[] {
    const count = Math.max(1, Math.floor((this.perSecond * RESERVED_MS) / 1_000));
    const first = this.reserve(endpoint, this.perSecond, count).then(
      (wait) => performance.now() + wait,
    );
    return Array.from({ length: count }, (_, index) =>
      first.then((at) => at + (1_000 * index) / this.perSecond),
    );
  }
}

/** What Stripe counts as one endpoint: ids in the path left out. */
function endpointOf(method: string, path: string): string {
  const [resource = ''] = path.split('?');
  return `${method} ${resource.replace(/\/[a-z]+_\w+/g, '/:id')}`;
}

/** Sends as the SDK does, each request in its turn. */
export function pacedClient(pace: Pace): Stripe.HttpClient {
  const client = Stripe.createNodeHttpClient();
  const { makeRequest } = client;
  client.makeRequest = async (host, port, path, method, ...rest) => {
    await pace.turn(method, path);
    return makeRequest.call(client, host, port, path, method, ...rest);
  };
  return client;
}
