import {
  type Client,
  WithStartWorkflowOperation,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  type WorkflowUpdateHandle,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { updates } from '../../workflows/messages.js';
import { subscriptionStart } from '../../workflows/starts.js';
import type { Act, TeamState } from '../domain/team.js';

/** The act does not apply to the team as it is (R31). */
export class ActRefused extends Error {
  override name = 'ActRefused';
  constructor(
    readonly code: string,
    detail: string,
  ) {
    super(detail);
  }
}

/**
 * Sends an act to its team as an Update, and starts the team's workflow where Postgres says that there is to
 * be one. Comes back when a worker has taken the Update or refused it, which `result()` of the handle tells.
 * However often it is sent, it is one by its id (R31).
 */
export async function sendAct(
  { workflow }: Client,
  taskQueue: string,
  state: TeamState,
  { id, action, actor, reason, invoiceId, until }: Act,
): Promise<WorkflowUpdateHandle<TeamState>> {
  const start = subscriptionStart(state);
  const input = {
    actor,
    reason,
    ...(invoiceId !== null && { invoiceId }),
    ...(until !== undefined && { until }),
  };
  const options = {
    args: [input] as [typeof input],
    updateId: id,
    waitForStage: 'ACCEPTED' as const,
  };
  if (action !== 'resync' && state.ladders.length === 0) {
    return workflow.getHandle(start.options.workflowId).startUpdate(updates[action], options);
  }
  const startWorkflowOperation = new WithStartWorkflowOperation(start.type, {
    ...start.options,
    workflowIdConflictPolicy: 'USE_EXISTING',
    taskQueue,
  });
  return workflow.startUpdateWithStart(updates[action], { ...options, startWorkflowOperation });
}

/** The refusal that an error of `sendAct`, or of its handle, tells of; undefined where it tells of none. */
export function refusalIn(error: unknown): ActRefused | undefined {
  if (error instanceof WorkflowNotFoundError) {
    return new ActRefused('no_open_invoice', 'R31: the team has no unpaid invoice to act on.');
  }
  const { cause } = error instanceof WorkflowUpdateFailedError ? error : {};
  if (!(cause instanceof ApplicationFailure) || !cause.type) return undefined;
  return new ActRefused(cause.type, cause.message);
}
