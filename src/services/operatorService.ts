import { setTimeout as delay } from 'node:timers/promises';
import {
  type Client,
  ServiceError,
  WithStartWorkflowOperation,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { type OperatorInput, updates } from '../../workflows/messages.js';
import { subscriptionWorkflowId } from '../db/outbox.js';
import type { Pool } from '../db/pool.js';
import { findActKind } from '../db/timeline.js';
import { actKinds, isDone } from '../domain/acts.js';
import { conflict } from '../domain/refusal.js';
import type { OperatorAction, TakenAct, TeamState } from '../domain/team.js';
import { knownTeam } from './knownTeam.js';
import { requireTemporal, TemporalUnavailable } from './temporalUnavailable.js';

/** How long a caller waits for the effect of its act. */
const ANSWER_WITHIN_MS = 9_000;
/** How often Postgres is looked into for an effect that came later than Temporal's answer. */
const LOOK_EVERY_MS = 250;

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
   * first act, and is refused to another one. Throws `UnknownTeam`, `ActRefused` and
   * `TemporalUnavailable`.
   */
  async act(
    teamId: string,
    action: OperatorAction,
    input: OperatorInput,
    updateId: string,
  ): Promise<ActResult> {
    const { state } = await knownTeam(this.pool, teamId);
    await requireTemporal(this.client);
    const { invoiceId = null, until } = input;
    const act: TakenAct = { id: updateId, action, invoiceId, ...(until && { until }) };
    if (await this.wasTaken(state, act)) return { done: true };
    const deadline = Date.now() + ANSWER_WITHIN_MS;
    try {
      const answer = await this.client.withDeadline(deadline, () =>
        this.update(state, action, input, updateId),
      );
      const joined = conflict(answer, act);
      if (joined !== null) throw new ActRefused(joined.code, joined.detail);
      return (await this.hasEffect(answer, act, deadline))
        ? { done: true }
        : { done: false, updateId };
    } catch (error) {
      if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) {
        return { done: false, updateId };
      }
      throw refusedAct(error);
    }
  }

  /** Whether the timeline knows an act that the workflow has forgotten. */
  private async wasTaken(state: TeamState, act: TakenAct): Promise<boolean> {
    const kind = await findActKind(this.pool, state.teamId, act.id);
    if (kind === undefined || state.acts?.some(({ id }) => id === act.id)) return false;
    if (kind === actKinds[act.action]) return true;
    throw new ActRefused('idempotency_conflict', `R31: ${act.id} is the key of another act.`);
  }

  /** Sends the Update, and starts the team's workflow where Postgres says that there is to be one. */
  private async update(
    state: TeamState,
    action: OperatorAction,
    input: OperatorInput,
    updateId: string,
  ): Promise<TeamState> {
    const { teamId, ladders } = state;
    const workflowId = subscriptionWorkflowId(teamId);
    const args: [OperatorInput] = [input];
    const options = { args, updateId, waitForStage: 'ACCEPTED' as const };
    const { workflow } = this.client;
    if (action !== 'resync' && ladders.length === 0) {
      const update = await workflow.getHandle(workflowId).startUpdate(updates[action], options);
      return update.result();
    }
    const startWorkflowOperation = new WithStartWorkflowOperation('subscription', {
      workflowId,
      workflowIdConflictPolicy: 'USE_EXISTING',
      taskQueue: this.taskQueue,
      args: [state],
      staticSummary: `Team ${teamId}`,
    });
    const update = await workflow.startUpdateWithStart(updates[action], {
      ...options,
      startWorkflowOperation,
    });
    return update.result();
  }

  /** Whether the act has had its effect by the deadline: it may come after Temporal's answer. */
  private async hasEffect(answer: TeamState, act: TakenAct, deadline: number): Promise<boolean> {
    let state = answer;
    while (!isDone(state, act)) {
      if (Date.now() > deadline) return false;
      await delay(LOOK_EVERY_MS);
      state = (await knownTeam(this.pool, state.teamId)).state;
    }
    return true;
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
