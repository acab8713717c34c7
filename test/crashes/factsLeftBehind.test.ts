import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newTeam } from '../../src/domain/team.js';
import { temporaryFolder } from '../start/temporaryFolder.js';
import { askToClose, closesAreOver } from '../support/closes.js';
import { dayOf, monthsAgo, track } from '../support/months.js';
import { sharedProduct } from '../support/product.js';
import { freeTeam, patiently } from '../support/stories.js';
import { crash } from './death.js';
import { WorkerProcess } from './workerProcess.js';

const product = sharedProduct({}, { worker: false });
const folder = temporaryFolder();
const [worker, next] = [new WorkerProcess(), new WorkerProcess()];
afterAll(() => Promise.all([worker.kill(), next.kill()]));

const workflowBundle = join(folder, 'workflows.js');
beforeAll(async () => {
  const hourOfLooks = fileURLToPath(new URL('hourOfLooks.ts', import.meta.url));
  const { code } = await bundleWorkflowCode({
    workflowsPath: hourOfLooks,
    workflowInterceptorModules: [hourOfLooks],
    logger: new DefaultLogger('ERROR'),
  });
  await writeFile(workflowBundle, code);
});

test('R39: killed before and after it notes that facts have not come in an hour, a close goes on without, and says so', async () => {
  const [earlier, later] = [monthsAgo(2), monthsAgo(1)];
  const team = await freeTeam(product);
  for (const month of [earlier, later]) await track(product, month, team, 100);
  // Of a team whose workflow takes it never.
  await product.pool.query(
    `insert into tagih.outbox (workflow_id, fact, created_at, claimed_until)
     values ('subscription:away', '{}', $1, 'infinity')`,
    [dayOf(earlier, 10)],
  );
  const work = { settings: product.settings, workflowBundle, ahead: 0 };
  await worker.work(work);
  const step = { step: 'leaveFactsBehind', state: newTeam('', null) };
  const closes = [earlier, later].map(({ id }) => `close:${id}`);
  const [before = '', after = ''] = closes;
  await worker.hold([
    { ...step, workflowId: before, when: 'before' },
    { ...step, workflowId: after, when: 'after' },
  ]);
  await askToClose(product, later.id);
  await expect.poll(() => [...worker.held].toSorted(), patiently).toEqual(closes);
  await crash(product, worker, closes);
  await next.work(work);
  await closesAreOver(product);

  for (const { id } of [earlier, later]) {
    expect((await product.api('GET', `/api/v1/closes/${id}`)).body).toMatchObject({
      status: 'completed',
      teams: { total: 1, done: 1 },
      factsLeftBehind: 1,
    });
  }
});
