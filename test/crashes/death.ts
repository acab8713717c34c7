import { ActivityNotFoundError, type Client, WorkflowNotFoundError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { Product } from '../support/product.js';
import type { WorkerProcess } from './workerProcess.js';

/**
 * Kills a worker, and mends what kept Stripe and Postmark from answering it. Whatever it had of these workflows,
 * and of those that it held, is for the next worker.
 */
export async function crash(
  { control, temporal }: Product,
  worker: WorkerProcess,
  workflowIds: readonly string[],
): Promise<void> {
  await worker.kill();
  await control('DELETE', '/faults');
  const ids = new Set([...worker.held, ...workflowIds]);
  await Promise.all([...ids].map((workflowId) => tellOfDeath(temporal, workflowId)));
}

/**
 * Tells Temporal that the worker of a workflow is dead, which it notices by itself when time-outs of seconds and
 * minutes are over. A workflow that was never started has nobody to miss.
 */
export async function tellOfDeath(
  { workflow, activity, connection, options: { namespace } }: Client,
  workflowId: string,
): Promise<void> {
  const execution = { workflowId };
  const described = await workflow
    .getHandle(workflowId)
    .describe()
    .catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    });
  if (described?.status.name !== 'RUNNING') return;
  await connection.workflowService.resetStickyTaskQueue({ namespace, execution });
  for (const { activityId } of described.raw.pendingActivities ?? []) {
    if (!activityId) continue;
    const death = ApplicationFailure.create({ message: 'The worker died.', nextRetryDelay: 100 });
    const failed = activity.fail({ workflowId, activityId }, death);
    await failed.catch((error: unknown) => {
      // It waits for its next try.
      if (!(error instanceof ActivityNotFoundError)) throw error;
    });
  }
}
