import { describe, expect, test } from 'vitest';
import { type Product, startProduct } from '../support/product.js';
import { attempts, settled, timeline, unpaid } from '../support/stories.js';

const retry = ({ api }: Product, teamId: string) =>
  api('POST', `/api/v1/teams/${teamId}/actions/retry-payment`, {
    actor: 'op@tagih.example',
    reason: 'the customer called',
    idempotencyKey: 'ticket-4711',
  });

// Each waits for the ten seconds that an operator waits: all of them at once.
describe.concurrent('R31: an act whose effect takes long is answered all the same, and done once', {
  timeout: 60_000,
}, () => {
  test.each([
    [
      'Stripe is down',
      (product: Product) =>
        product.control('POST', '/faults', { kind: 'error', path: '/pay$', status: 503 }),
      (product: Product) => product.control('DELETE', '/faults'),
    ],
    [
      'no worker runs',
      (product: Product) => product.stopWorker(),
      (product: Product) => product.startWorker(),
    ],
  ])('%s', async (_, breaks, mends) => {
    const product = await startProduct({ DUNNING_INTERVALS: '1h,1h' });
    try {
      const team = await unpaid(product);
      await settled(product, team.teamId);
      await breaks(product);
      const started = Date.now();
      const { status, body } = await retry(product, team.teamId);
      expect([status, body.updateId, body.dunning.strike]).toEqual([202, 'ticket-4711', 1]);
      expect(Date.now() - started).toBeLessThan(10_000);

      await mends(product);
      // By now the pauses between tries are longer than an operator waits.
      await settled(product, team.teamId);
      expect(await retry(product, team.teamId)).toMatchObject({ status: 200 });
      await settled(product, team.teamId);
      const keys = new Set(await attempts(product, team.invoiceId));
      expect([...keys]).toEqual([`tagih:pay:${team.invoiceId}:1`]);
      const lines = await timeline(product, team.teamId);
      expect(lines.filter(({ kind }) => kind === 'operator_retry_payment')).toHaveLength(1);
    } finally {
      await product.close();
    }
  });
});
