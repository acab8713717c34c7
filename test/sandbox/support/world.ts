import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as postmark from 'postmark';
import Stripe from 'stripe';
import { onTestFinished, vi } from 'vitest';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../../src/sandbox/sandbox.js';
import { controlSandbox } from '../../support/sandboxControl.js';

export interface World {
  sandbox: Sandbox;
  stripe: Stripe;
  mail: postmark.ServerClient;
  /** Calls the control API. */
  control<T>(method: string, path: string, body?: unknown): Promise<T>;
}

/** A sandbox with the real clients talking to it, gone when the test is over. */
export async function startWorld(options: Partial<SandboxOptions> = {}): Promise<World> {
  const sandbox = await startSandbox({ port: 0, ...options });
  onTestFinished(() => sandbox.close());
  return {
    sandbox,
    stripe: stripeClient(sandbox),
    mail: mailClient(sandbox, 'server-token'),
    control: (...call) => controlSandbox(sandbox.url, ...call),
  };
}

/** Where a sandbox may keep its state, until the test is over. */
export async function stateFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sandbox-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return join(folder, 'state.db');
}

export function stripeClient(sandbox: Sandbox, settings: Stripe.StripeConfig = {}): Stripe {
  return new Stripe('sk_test_sandbox', {
    host: '127.0.0.1',
    port: sandbox.port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
    ...settings,
  });
}

export function mailClient(sandbox: Sandbox, token: string): postmark.ServerClient {
  return new postmark.ServerClient(token, {
    useHttps: false,
    requestHost: `127.0.0.1:${sandbox.port}`,
  });
}

export async function customerWith(
  stripe: Stripe,
  card: string,
  params: Stripe.CustomerCreateParams = {},
) {
  return stripe.customers.create({
    email: 'admin@team.test',
    payment_method: card,
    invoice_settings: { default_payment_method: card },
    ...params,
  });
}

export async function subscribed(stripe: Stripe, params: Stripe.CustomerCreateParams = {}) {
  const customer = await customerWith(stripe, 'pm_card_visa', params);
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: 'price_sandbox_pro' }],
    metadata: { team_id: 'team-1' },
  });
  return { customer, subscription };
}

/** The error that a call to Stripe is answered with. */
export async function refusal(
  call: Promise<unknown>,
): Promise<InstanceType<typeof Stripe.errors.StripeError>> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Stripe.errors.StripeError) return error;
  throw new Error(`Stripe should have refused, got ${String(error)}`);
}

export interface Received {
  event: Stripe.Event;
  signature: string;
  body: string;
}

/** A webhook endpoint that keeps what verifies, and answers `status()`. */
export async function startReceiver(secret: string, status: () => number = () => 200) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const body = await textOf(request);
    const signature = String(request.headers['stripe-signature']);
    const code = status();
    if (code < 300)
      received.push({
        event: Stripe.webhooks.constructEvent(body, signature, secret),
        signature,
        body,
      });
    response.writeHead(code).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    received,
    types: () => received.map(({ event }) => event.type),
    async waitFor(type: string): Promise<Stripe.Event> {
      return vi.waitFor(
        () => {
          const found = received.find(({ event }) => event.type === type);
          if (!found) throw new Error(`${type} has not come`);
          return found.event;
        },
        { timeout: 10_000, interval: 20 },
      );
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
