import { setTimeout as delay } from 'node:timers/promises';
import {
  type Client,
  ServiceError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { enqueue } from '../db/outbox.js';
import type { Pool } from '../db/pool.js';
import { findActKind } from '../db/timeline.js';
import { actKinds, isDone } from '../domain/acts.js';
import { conflict } from '../domain/refusal.js';
import type { Act, TeamState } from '../domain/team.js';
import { subscriptionWorkflowId } from '../domain/workflowIds.js';
import { ActRefused, refusalIn, sendAct } from './acts.js';
import { knownTeam } from './knownTeam.js';
import { requireTemporal, TemporalUnavailable } from './temporalUnavailable.js';

/** How long a caller waits for the effect of its act. */
const ANSWER_WITHIN_MS = 9_000;
/** How often Postgres is looked into for an effect that came later than Temporal's answer. */
const LOOK_EVERY_MS = 250;

export type ActResult = { done: true } | { done: false; updateId: string };

/** Lets operators act on a team through Updates of its workflow (R31). */
export class OperatorService {
  constructor(
    private readonly client: Client,
    private readonly pool: Pool,
    private readonly taskQueue: string,
  ) {}

  /**
   * Acts, and waits some seconds for the effect to be in Postgres. An act of the same id joins the first
   * one, and is refused where it is another. Throws `UnknownTeam`, `ActRefused` and `TemporalUnavailable`.
   */
  async act(teamId: string, act: Act): Promise<ActResult> {
    const { state } = await knownTeam(this.pool, teamId);
    await requireTemporal(this.client);
    if (await this.wasTaken(state, act)) return { done: true };
    const deadline = Date.now() + ANSWER_WITHIN_MS;
    let isTaken = false;
    try {
      const answer = await this.client.withDeadline(deadline, async () => {
        const update = await sendAct(this.client, this.taskQueue, state, act);
        isTaken = true;
        return update.result();
      });
      const joined = conflict(answer, act);
      if (joined !== null) throw new ActRefused(joined.code, joined.detail);
      if (await this.hasEffect(answer, act, deadline)) return { done: true };
    } catch (error) {
      if (!(error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)) throw actFailure(error);
      // An Update that no worker has taken is nowhere but in Temporal's memory.
      if (!isTaken) await enqueue(this.pool, subscriptionWorkflowId(teamId), act);
    }
    return { done: false, updateId: act.id };
  }

  /** Whether the timeline knows an act that the workflow has forgotten. */
  private async wasTaken(state: TeamState, act: Act): Promise<boolean> {
    const kind = await findActKind(this.pool, state.teamId, act.id);
    if (kind === undefined || state.acts?.some(({ id }) => id === act.id)) return false;
    if (kind === actKinds[act.action]) return true;
    throw new ActRefused('idempotency_conflict', `R31: ${act.id} is the key of another act.`);
  }

  /** Whether the act has had its effect by the deadline: it may come after Temporal's answer. */
  private async hasEffect(answer: TeamState, act: Act, deadline: number): Promise<boolean> {
    let state = answer;
    while (!isDone(state, act)) {
      if (Date.now() > deadline) return false;
      await delay(LOOK_EVERY_MS);
      state = (await knownTeam(this.pool, state.teamId)).state;
    }
    return true;
  }
}

function actFailure(error: unknown): unknown {
  const refused = refusalIn(error);
  if (refused !== undefined) return refused;
  if (error instanceof ServiceError) {
    const detail = 'Temporal went away meanwhile; the same idempotencyKey joins what was begun.';
    return new TemporalUnavailable(detail, { cause: error });
  }
  return error;
}
