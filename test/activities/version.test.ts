import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Stripe from 'stripe';
import { expect, onTestFinished, test } from 'vitest';
import { openCheckout } from '../../src/stripe/checkout.js';
import { API_VERSION, createStripe } from '../../src/stripe/client.js';

test("R19: each request pins the version that the SDK's types describe, and a new subscription its billing mode", async () => {
  expect(API_VERSION).toBe(Stripe.API_VERSION);
  const asked: { version: string | string[] | undefined; body: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    asked.push({ version: request.headers['stripe-version'], body: decodeURIComponent(body) });
    response.end(JSON.stringify({ object: 'checkout.session', url: 'https://pay.example' }));
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await openCheckout(createStripe('sk_test', `http://127.0.0.1:${port}`), {
    teamId: 'acme',
    priceId: 'price_pro',
    buyer: { customer: 'cus_1' },
    successUrl: 'https://host.example/done',
    cancelUrl: 'https://host.example/back',
  });
  expect(asked).toMatchObject([{ version: API_VERSION }]);
  expect(asked[0]?.body).toContain('subscription_data[billing_mode][type]=flexible');
});
