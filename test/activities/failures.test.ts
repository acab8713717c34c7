import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, test } from 'vitest';
import { answered } from '../../activities/stripe.js';
import { answerOf } from '../../src/stripe/errors.js';
import { historiesOf } from '../support/histories.js';
import { sharedProduct } from '../support/product.js';
import { fixCard, sent, settled, unpaid } from '../support/stories.js';

const product = sharedProduct({ DUNNING_INTERVALS: '1h,1h' });

const PRIVATE = 'admin@private.example';
const stripeError = {
  error: {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: `No such customer: ${PRIVATE}; you used sk_live_private`,
    param: PRIVATE,
  },
};

test('what Stripe and Postmark say in an error is not kept in a history: it can quote addresses and keys', async () => {
  const fail = (wish: object) =>
    product.control('POST', '/faults', { kind: 'error', times: 1, ...wish });
  await fail({ path: '^/v1/customers/', method: 'GET', status: 401, body: stripeError });
  await fail({ path: '^/v1/invoices/[^/]+$', method: 'POST', status: 400, body: stripeError });
  await fail({ path: '^/v1/invoices/[^/]+/pay$', status: 500, body: stripeError });
  await fail({ path: '^/email', status: 422, body: { ErrorCode: 400, Message: PRIVATE } });
  const team = await unpaid(product);
  await fixCard(product, team);
  await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
  await settled(product, team.teamId);
  expect(await product.control('GET', '/faults')).toEqual([]);
  expect(await sent(product, team.teamId)).toContain('payment-recovered');

  const histories = [
    ...(await historiesOf(product.temporal, `subscription:${team.teamId}`)),
    ...(await historiesOf(product.temporal, 'mailer')),
  ].join();
  expect(histories).toContain('lastFailure');
  expect(histories).not.toMatch(/private|sk_/);
  // Payloads are encoded.
  const payloads = [...histories.matchAll(/"data":\s*"([^"]+)"/g)]
    .map(([, data]) => Buffer.from(data ?? '', 'base64').toString())
    .join();
  expect(payloads).toContain(team.teamId);
  expect(payloads).not.toMatch(/private|sk_|@(admin|customer)\.example/);
});

test.each([
  ['at once', (call: Promise<unknown>) => call],
  ['by who judges its refusals', (call: Promise<unknown>) => answerOf(call)],
])('R28: a call is tried again when Stripe wants to be asked again, seen %s', async (_, judged) => {
  const fault = { kind: 'error', status: 429, headers: { 'retry-after': '7' }, times: 1 };
  await product.control('POST', '/faults', { path: '^/v1/prices$', ...fault });
  const call = () => judged(product.stripe.prices.list({}, { maxNetworkRetries: 0 }));
  const failure = new MockActivityEnvironment().run(() => answered(call));
  await expect(failure).rejects.toMatchObject({ nonRetryable: false, nextRetryDelay: 7_000 });
});
