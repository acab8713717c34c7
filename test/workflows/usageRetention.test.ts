import { expect, test } from 'vitest';
import { transaction } from '../../src/db/pool.js';
import { makeUsagePartitions } from '../../src/db/usagePartitions.js';
import { historiesOf, record } from '../support/histories.js';
import { sharedProduct } from '../support/product.js';
import { expectReplay } from '../support/replay.js';
import { patiently } from '../support/stories.js';

const product = sharedProduct();

const months = async () => {
  const { rows } = await product.pool.query<{ month: string }>(
    `select right(inhrelid::regclass::text, 7) as month from pg_inherits
      where inhparent = 'tagih.usage_events'::regclass order by month`,
  );
  return rows.map(({ month }) => month.replace('_', '-'));
};

const month = (ahead: number) => {
  const now = new Date();
  const start = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead));
  return start.toISOString().slice(0, 7);
};

test('each day a schedule makes the partitions of the next months and drops those past retention', async () => {
  const twoYearsAgo = new Date();
  twoYearsAgo.setUTCFullYear(twoYearsAgo.getUTCFullYear() - 2, twoYearsAgo.getUTCMonth(), 1);
  await transaction(product.pool, (db) => makeUsagePartitions(db, twoYearsAgo));
  expect(await months()).toEqual([month(-24), month(-23), month(-22), month(-21)]);

  const schedule = product.temporal.schedule.getHandle('usage-retention');
  expect((await schedule.describe()).spec.calendars).toMatchObject([{ comment: 'each day' }]);
  await schedule.trigger();
  await expect.poll(months, patiently).toEqual([month(0), month(1), month(2), month(3)]);

  const workflowIds: string[] = [];
  const query = `WorkflowType = 'usageRetention' and ExecutionStatus = 'Completed'`;
  await expect
    .poll(async () => {
      for await (const { workflowId } of product.temporal.workflow.list({ query })) {
        workflowIds.push(workflowId);
      }
      return workflowIds.length;
    }, patiently)
    .toBeGreaterThan(0);
  const histories = await historiesOf(product.temporal, workflowIds[0] ?? '');
  await expectReplay(histories);
  record('usage-retention', histories);
});
