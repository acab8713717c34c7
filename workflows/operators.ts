import {
  ApplicationFailure,
  CancellationScope,
  condition,
  currentUpdateInfo,
  patched,
  setHandler,
} from '@temporalio/workflow';
import { isUnderWay } from '../src/domain/acts.js';
import { type Refusal, refusal } from '../src/domain/refusal.js';
import {
  type Act,
  type Fact,
  type OperatorAction,
  operatorActions,
  type TeamState,
} from '../src/domain/team.js';
import { inputError, type OperatorInput, updates } from './messages.js';

/**
 * How long an Update waits for its effect. The server takes ten at a time of a workflow, and a client
 * that found no place asks again after 1.7 and 4.6 seconds: so in an outage, too, the eleventh operator
 * has an answer within ten.
 */
const ANSWER_WITHIN = '3s';

const descriptions: Readonly<Record<OperatorAction, string>> = {
  retryPayment:
    'Try the unpaid invoices now; no strike if it fails. Input: { actor, reason, invoiceId? }',
  extendGrace: 'Try later than planned. Input: { actor, reason, until, invoiceId? }',
  pauseDunning:
    'Stop the timers with the time that they have left. Input: { actor, reason, invoiceId? }',
  resumeDunning: 'Let the timers go on. Input: { actor, reason, invoiceId? }',
  waive:
    'Give up the unpaid invoices and open the team again. Input: { actor, reason, invoiceId? }',
  resync: 'Read the team at Stripe anew. Input: { actor, reason }',
};

/** The team's workflow, as operators find it. */
interface Team {
  state(): TeamState;
  /** As the turn under way will leave it. */
  coming(): TeamState;
  take(act: Act): void;
}

/** Hears operators: an Update is refused where it does not apply, and answered when its effect is written (R31). */
export class Operators {
  /** The acts of this run that a turn has taken, and why it refused the others. */
  private readonly answers = new Map<string, Refusal | null>();

  constructor(private readonly team: Team) {
    for (const action of operatorActions) this.handle(action);
  }

  /** A turn has taken these facts, and has refused these of the acts among them. */
  answer(facts: readonly Fact[], refused: ReadonlyMap<string, Refusal>): void {
    for (const fact of facts) {
      if (fact.kind === 'act') this.answers.set(fact.id, refused.get(fact.id) ?? null);
    }
  }

  private handle(action: OperatorAction): void {
    setHandler(
      updates[action],
      async (input) => {
        const act = actOf(action, input, patched('acts-apart'));
        this.team.take(act);
        const isDone = () => this.answers.has(act.id) && !isUnderWay(this.team.state(), act);
        await CancellationScope.nonCancellable<unknown>(() =>
          act.apart
            ? condition(isDone, ANSWER_WITHIN, { summary: `answer to ${action}` })
            : condition(isDone),
        );
        const refused = this.answers.get(act.id);
        if (refused) throw ApplicationFailure.nonRetryable(refused.detail, refused.code);
        return this.team.state();
      },
      {
        description: descriptions[action],
        validator: (input) => {
          const malformed = inputError(action, input, currentUpdateInfo()?.id ?? '');
          if (malformed !== null)
            throw ApplicationFailure.nonRetryable(malformed, 'malformed_input');
          const now = new Date().toISOString();
          const refused = refusal(this.team.coming(), actOf(action, input, true), now);
          if (refused !== null) throw ApplicationFailure.nonRetryable(refused.detail, refused.code);
        },
      },
    );
  }
}

/** The act that an Update asks for; its id is the Update's. */
function actOf(
  action: OperatorAction,
  { actor, reason, invoiceId, until }: OperatorInput,
  apart: boolean,
): Act {
  return {
    kind: 'act',
    id: currentUpdateInfo()?.id ?? '',
    action,
    actor,
    reason,
    invoiceId: invoiceId ?? null,
    ...(until !== undefined && { until: new Date(until).toISOString() }),
    ...(apart && { apart }),
  };
}
