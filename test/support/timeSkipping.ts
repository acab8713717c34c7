import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';

/**
 * Lets days pass for one running workflow and for no other: its clock goes ahead from one timer to
 * the next, waits wherever it works, and goes on in real time when the days are over. This is an
 * experimental part of the server's API that clients have no names for yet, hence this file.
 */
export async function passTime(
  { connection: { workflowService }, options: { namespace } }: Client,
  workflowId: string,
  days: number,
): Promise<void> {
  const fastForwardId = randomUUID();
  const workflowExecution = { workflowId };
  await workflowService.updateWorkflowExecutionOptions({
    namespace,
    workflowExecution,
    workflowExecutionOptions: {
      timeSkippingConfig: {
        enabled: true,
        fastForwardConfig: {
          id: fastForwardId,
          duration: { seconds: Math.round(days * 86_400) as never },
        },
      },
    },
    updateMask: { paths: ['time_skipping_config'] },
  });
  // A long poll, which the server may end before the workflow has come so far.
  for (;;) {
    const { fastForwardInfo } = await workflowService.pollWorkflowExecutionTimeSkipping({
      namespace,
      workflowExecution,
      fastForwardId,
    });
    if (fastForwardInfo?.hasCompleted) return;
  }
}
