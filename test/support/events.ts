import { randomUUID } from 'node:crypto';
import Stripe from 'stripe';
import { vi } from 'vitest';
import { type Answer, type Product, WEBHOOK_SECRET } from './product.js';
import { send } from './send.js';

/** An id as Stripe makes them, of something that Stripe does not know. */
export const newId = (prefix: string) =>
  `${prefix}_${randomUUID().replaceAll('-', '').slice(0, 16)}`;

/** Unix time, in seconds. */
export const now = () => Math.floor(Date.now() / 1_000);

/** An event about an invoice with all that is read of one, and no more. */
export const eventOf = (object: object, more: object = {}) => ({
  id: newId('evt'),
  object: 'event',
  type: 'invoice.paid',
  api_version: Stripe.API_VERSION,
  created: now(),
  data: { object: { id: newId('in'), object: 'invoice', ...object } },
  ...more,
});

export function signatureOf(payload: string, secret = WEBHOOK_SECRET, timestamp = now()): string {
  return Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp });
}

/** Calls the webhook as Stripe does. */
export const postEvent = (
  { url }: Pick<Product, 'url'>,
  body: string,
  signature = signatureOf(body),
): Promise<Answer> =>
  send(`${url}/api/webhooks/stripe`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'stripe-signature': signature },
    body,
  });

export interface ListedEvent {
  id: string;
  objectId: string | null;
  teamId: string | null;
  customerId: string | null;
}

/** The events that the API shows for a status, oldest first; tests have less than a page. */
export async function listed({ api }: Product, status: string): Promise<ListedEvent[]> {
  const { body } = await api('GET', `/api/v1/stripe-events?status=${status}&limit=100`);
  if (body.nextCursor !== null) throw new Error('more than a page');
  return body.items;
}

/** Waits until a workflow was told of the event; the team that it belongs to. */
export const teamTold = (product: Product, id: string): Promise<string | null> =>
  vi.waitFor(
    async () => {
      const found = (await listed(product, 'delivered')).find((event) => event.id === id);
      if (found === undefined) throw new Error(`${id} was not delivered`);
      return found.teamId;
    },
    { timeout: 15_000 },
  );

/** What a metric says now; 0 when it was never counted. */
export async function metric({ url }: Pick<Product, 'url'>, name: string): Promise<number> {
  const { body } = await send(`${url}/metrics`);
  const line = String(body)
    .split('\n')
    .find((text) => text.startsWith(`${name} `));
  return Number(line?.split(' ')[1] ?? 0);
}
