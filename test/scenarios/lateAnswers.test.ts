import { describe, expect, test } from 'vitest';
import { type Product, startProduct } from '../support/product.js';
import { attempts, patiently, settled, timeline, unpaid } from '../support/stories.js';

const act = ({ api }: Product, teamId: string, action: string, idempotencyKey: string) =>
  api('POST', `/api/v1/teams/${teamId}/actions/${action}`, {
    actor: 'op@tagih.example',
    reason: 'the customer called',
    idempotencyKey,
  });

const retry = (product: Product, teamId: string) =>
  act(product, teamId, 'retry-payment', 'ticket-4711');

const linesOf = async (product: Product, teamId: string, kind: string) =>
  (await timeline(product, teamId)).filter((line) => line.kind === kind);

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
      expect(await linesOf(product, team.teamId, 'operator_retry_payment')).toHaveLength(1);
    } finally {
      await product.close();
    }
  });

  test('no worker runs, and Temporal forgets what none has taken', async () => {
    const product = await startProduct({ DUNNING_INTERVALS: '1h,1h' });
    try {
      const { teamId } = await unpaid(product);
      await settled(product, teamId);
      await product.stopWorker();
      const pause = (key: string) => act(product, teamId, 'pause-dunning', key);
      const answers = await Promise.all([pause('ticket-4712'), pause('ticket-4713')]);
      expect(answers.map(({ status }) => status)).toEqual([202, 202]);

      await product.temporal.workflow.getHandle(`subscription:${teamId}`).terminate();
      await product.startWorker();
      // Of two pauses the second has found nothing to do.
      await expect
        .poll(() => linesOf(product, teamId, 'act_refused'), patiently)
        .toMatchObject([
          {
            actor: 'op@tagih.example',
            summary: expect.stringContaining('R31'),
            details: { action: 'pauseDunning', code: 'already_paused' },
          },
        ]);
      await settled(product, teamId);
      expect(await linesOf(product, teamId, 'operator_pause_dunning')).toHaveLength(1);
    } finally {
      await product.close();
    }
  });
});
