import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { msToTs, tsToMs } from '@temporalio/common/lib/time.js';

// An experimental part of the server's API that clients have no names for yet, hence this file.

const DAY = 86_400_000;

/** What time it is for a workflow. */
export async function timeOf({ workflow }: Client, workflowId: string): Promise<Date> {
  const { raw } = await workflow.getHandle(workflowId).describe();
  const now = raw.workflowExtendedInfo?.timeSkippingInfo?.currentTime;
  return now ? new Date(tsToMs(now)) : new Date();
}

/**
 * Lets time pass for one running workflow and for no other: its clock goes ahead from one timer to the
 * next, waits wherever it works, and goes on in real time when `time` has come. A run that continues as new
 * meanwhile takes its clock with it.
 */
export async function passTimeUntil(client: Client, workflowId: string, time: Date): Promise<void> {
  const { workflowService } = client.connection;
  const ofWorkflow = { namespace: client.options.namespace, workflowExecution: { workflowId } };
  for (;;) {
    const left = time.getTime() - (await timeOf(client, workflowId)).getTime();
    if (left <= 0) return;
    const fastForwardId = randomUUID();
    await workflowService.updateWorkflowExecutionOptions({
      ...ofWorkflow,
      workflowExecutionOptions: {
        timeSkippingConfig: {
          enabled: true,
          fastForwardConfig: { id: fastForwardId, duration: msToTs(left) },
        },
      },
      updateMask: { paths: ['time_skipping_config'] },
    });
    // A long poll, which ends without an answer after a while, or with its run.
    await workflowService.pollWorkflowExecutionTimeSkipping({ ...ofWorkflow, fastForwardId });
  }
}

/** The same for so many days from now on. */
export async function passTime(client: Client, workflowId: string, days: number): Promise<void> {
  const now = await timeOf(client, workflowId);
  await passTimeUntil(client, workflowId, new Date(now.getTime() + days * DAY));
}
