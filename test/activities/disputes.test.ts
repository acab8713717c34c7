import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { customerOfDispute } from '../../src/stripe/charges.js';
import { createStripe } from '../../src/stripe/client.js';

test.each([
  ['a customer', 'cus_1', 'cus_1'],
  ['a deleted customer', { id: 'cus_1', object: 'customer', deleted: true }, 'cus_1'],
  ['no customer', null, null],
])('R18: whose a dispute is, of a charge with %s', async (_, customer, expected) => {
  const charge = { id: 'ch_1', object: 'charge', customer };
  const asked: (string | undefined)[] = [];
  const stripe = createServer((request, response) => {
    asked.push(request.url);
    response.end(JSON.stringify({ id: 'du_1', object: 'dispute', charge }));
  });
  onTestFinished(() => void stripe.close());
  await new Promise<void>((resolve) => stripe.listen(0, '127.0.0.1', resolve));
  const { port } = stripe.address() as AddressInfo;
  const client = createStripe('sk_test', `http://127.0.0.1:${port}`);
  expect(await customerOfDispute(client, 'du_1')).toBe(expected);
  expect(asked).toEqual(['/v1/disputes/du_1?expand[0]=charge']);
});
