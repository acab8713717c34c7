// The baseline: a webhook that does nothing but verify the signature and insert the event, on node:http.
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import pg from 'pg';
import Stripe from 'stripe';
import { z } from 'zod';

const env = z
  .object({ DATABASE_URL: z.string(), PORT: z.coerce.number(), SECRET: z.string() })
  .parse(process.env);

const pool = new pg.Pool({ connectionString: env.DATABASE_URL, max: 10 });

async function store(body: Buffer, signature: string): Promise<void> {
  const { id, type, data } = Stripe.webhooks.constructEvent(body, signature, env.SECRET);
  const customer = 'customer' in data.object ? data.object.customer : null;
  await pool.query({
    name: 'insert-event',
    text: 'insert into stripe_events (id, type, customer_id) values ($1, $2, $3) on conflict do nothing',
    values: [id, type, customer],
  });
}

const http = createServer(async (request, response) => {
  try {
    await store(await buffer(request), String(request.headers['stripe-signature']));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"received":true}');
  } catch (error) {
    process.stderr.write(`${error}\n`);
    response.writeHead(400).end();
  }
});
http.listen(env.PORT, '127.0.0.1', () => process.send?.('ready'));

process.once('SIGTERM', async () => {
  await new Promise((resolve) => {
    http.close(resolve);
    http.closeIdleConnections();
  });
  await pool.end();
  process.exit(0);
});
