import {
  type Client,
  ServiceError,
  WithStartWorkflowOperation,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  type WorkflowUpdateHandle,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { type OperatorInput, resync, retryPayment, waive } from '../../workflows/messages.js';
import { subscriptionWorkflowId } from '../db/outbox.js';
import type { Pool } from '../db/pool.js';
import type { OperatorAction, TeamState } from '../domain/team.js';
import { knownTeam } from './knownTeam.js';
import { requireTemporal, TemporalUnavailable } from './temporalUnavailable.js';

const updates = { retryPayment, waive };

/** How long a caller waits for the effect of its act. */
const ANSWER_WITHIN_MS = 9_000;

export type ActResult = { done: true } | { done: false; updateId: string };

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

/** Lets operators act on a team through Updates of its workflow (R31). */
export class OperatorService {
  constructor(
    private readonly client: Client,
    private readonly pool: Pool,
    private readonly taskQueue: string,
  ) {}

  /**
   * Acts, and waits some seconds for the effect to be in Postgres. The same `updateId` joins the
   * first act. Throws `UnknownTeam`, `ActRefused` and `TemporalUnavailable`.
   */
  async act(
    teamId: string,
    action: OperatorAction,
    input: OperatorInput,
    updateId: string,
  ): Promise<ActResult> {
    const team = await knownTeam(this.pool, teamId);
    await requireTemporal(this.client);
    const workflowId = subscriptionWorkflowId(teamId);
    const options = {
      args: [input] as [OperatorInput],
      updateId,
      waitForStage: 'ACCEPTED' as const,
    };
    try {
      return await this.client.withDeadline(Date.now() + ANSWER_WITHIN_MS, async () => {
        let update: WorkflowUpdateHandle<TeamState>;
        if (action === 'resync') {
          const startWorkflowOperation = new WithStartWorkflowOperation('subscription', {
            workflowId,
            workflowIdConflictPolicy: 'USE_EXISTING',
            taskQueue: this.taskQueue,
            args: [team.state],
            staticSummary: `Team ${teamId}`,
          });
          update = await this.client.workflow.startUpdateWithStart(resync, {
            ...options,
            startWorkflowOperation,
          });
        } else {
          update = await this.client.workflow
            .getHandle(workflowId)
            .startUpdate(updates[action], options);
        }
        await update.result();
        return { done: true };
      });
    } catch (error) {
      if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) {
        return { done: false, updateId };
      }
      throw refusedAct(error);
    }
  }
}

function refusedAct(error: unknown): unknown {
  if (error instanceof WorkflowNotFoundError) {
    return new ActRefused('no_open_invoice', 'R31: the team has no unpaid invoice to act on.');
  }
  if (
    error instanceof WorkflowUpdateFailedError &&
    error.cause instanceof ApplicationFailure &&
    error.cause.type
  ) {
    return new ActRefused(error.cause.type, error.cause.message);
  }
  if (error instanceof ServiceError) {
    const detail = 'Temporal went away meanwhile; the same idempotencyKey joins what was begun.';
    return new TemporalUnavailable(detail, { cause: error });
  }
  return error;
}
