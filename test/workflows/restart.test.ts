import { afterEach, expect, test } from 'vitest';
import { sharedProduct } from '../support/product.js';
import {
  attempts,
  breakCard,
  patiently,
  renew,
  sent,
  settled,
  subscriber,
  unpaid,
} from '../support/stories.js';

const product = sharedProduct({ DUNNING_INTERVALS: '1s,1s' });
afterEach(() => product.startWorker());

/** Waits until Stripe has told all that it has to tell, and the relay has passed it on. */
async function passedOn() {
  await expect
    .poll(async () => {
      const { pending } = await product.control<{ pending: number }>('GET', '/webhooks');
      const { rowCount } = await product.pool.query('select from tagih.outbox');
      return [pending, rowCount];
    }, patiently)
    .toEqual([0, 0]);
}

test('a worker that is replaced in the middle of a ladder: each stage is entered once', async () => {
  const team = await unpaid(product);
  await product.stopWorker();
  await product.startWorker();
  await product.until(team.teamId, ({ dunning }) => expect(dunning.strike).toBe(3));
  await settled(product, team.teamId);
  expect(await sent(product, team.teamId)).toEqual([
    'payment-warning',
    'payment-critical',
    'account-locked',
  ]);
  expect(await attempts(product, team.invoiceId)).toHaveLength(2);
});

test('facts that come while no worker runs are taken when one does', async () => {
  const team = await subscriber(product);
  await product.stopWorker();
  await breakCard(product, team);
  const invoiceId = await renew(product, team);
  await passedOn();
  await product.startWorker();
  await product.until(team.teamId, ({ dunning }) => expect(dunning?.invoiceId).toBe(invoiceId));
});

test('R26: what was paid while no worker ran is not tried, though the timer was due', async () => {
  const team = await unpaid(product);
  await product.stopWorker();
  const { body } = await product.api('GET', `/api/v1/teams/${team.teamId}`);
  const tried = await attempts(product, team.invoiceId);
  await product.stripe.invoices.pay(team.invoiceId, { paid_out_of_band: true });
  await passedOn();
  await expect
    .poll(() => Date.now(), patiently)
    .toBeGreaterThan(Date.parse(body.dunning.nextAttemptAt));
  await product.startWorker();
  await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
  await settled(product, team.teamId);
  expect(await attempts(product, team.invoiceId)).toEqual(tried);
  expect((await sent(product, team.teamId)).at(-1)).toBe('payment-recovered');
});
