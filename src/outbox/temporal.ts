import type { Client } from '@temporalio/client';
import { fact as factSignal } from '../../workflows/messages.js';
import {
  closeStart,
  mailerStart,
  type Start,
  stripeEventStart,
  subscriptionStart,
} from '../../workflows/starts.js';
import type { Pool } from '../db/pool.js';
import type { Hint } from '../domain/team.js';
import {
  closeWorkflowId,
  MAILER,
  stripeEventWorkflowId,
  teamOfWorkflow,
} from '../domain/workflowIds.js';
import { knownTeam } from '../services/knownTeam.js';
import { deliverAct } from './acts.js';
import type { Deliver } from './relay.js';

/** Well below the relay's lease: a Temporal that hangs must not outlast it. */
const DEADLINE_MS = 5_000;

/** Of one signal: some 20 kB, far from what a message and a history may hold. */
const FACTS = 100;

/**
 * Signals the workflow of hints, and sends it acts as Updates, started with what Postgres knows of its
 * team. That of an event, or of a close, is only started: all there is to say is which one it is.
 */
export function deliverToTemporal(client: Client, pool: Pool, taskQueue: string): Deliver {
  return async (workflowId, facts) => {
    const startOnly = onlyStarted(workflowId);
    if (startOnly !== undefined) {
      await client.withDeadline(Date.now() + DEADLINE_MS, () =>
        client.workflow.start(startOnly.type, {
          ...startOnly.options,
          workflowIdConflictPolicy: 'USE_EXISTING',
          taskQueue,
        }),
      );
      return;
    }
    const hints = facts.filter((fact) => fact.kind === 'hint');
    if (hints.length > 0) await signal(workflowId, hints);
    for (const act of facts.filter((fact) => fact.kind === 'act')) {
      await client.withDeadline(Date.now() + DEADLINE_MS, () =>
        deliverAct(client, pool, taskQueue, teamOfWorkflow(workflowId), act),
      );
    }
  };

  async function startOfTeam(workflowId: string): Promise<Start> {
    const { state } = await knownTeam(pool, teamOfWorkflow(workflowId));
    return subscriptionStart(state);
  }

  async function signal(workflowId: string, hints: readonly Hint[]): Promise<void> {
    const start = workflowId === MAILER ? mailerStart : await startOfTeam(workflowId);
    // The mailer looks for itself what waits: thousands of mails need no thousands of facts.
    const told = workflowId === MAILER ? hints.slice(-1) : hints;
    for (let sent = 0; sent < told.length; sent += FACTS) {
      const [first, ...more] = told.slice(sent, sent + FACTS);
      if (first === undefined) break;
      await client.withDeadline(Date.now() + DEADLINE_MS, () =>
        client.workflow.signalWithStart(start.type, {
          ...start.options,
          taskQueue,
          signal: factSignal,
          signalArgs: [first, ...more],
        }),
      );
    }
  }
}

function onlyStarted(workflowId: string): Start | undefined {
  const idAfter = (prefix: string) =>
    workflowId.startsWith(prefix) ? workflowId.slice(prefix.length) : undefined;
  const eventId = idAfter(stripeEventWorkflowId(''));
  if (eventId !== undefined) return stripeEventStart(eventId);
  const period = idAfter(closeWorkflowId(''));
  return period === undefined ? undefined : closeStart(period);
}
