import type { UpdateDefinition } from '@temporalio/common';
import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  currentUpdateInfo,
  log,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { callsOf, nextDueAt } from '../src/domain/calls.js';
import { reduce } from '../src/domain/reduce.js';
import { refusal } from '../src/domain/refusal.js';
import type { Fact, OperatorAction, TeamState } from '../src/domain/team.js';
import { Calls } from './calls.js';
import { Console, describeTimer, describeTurn } from './console.js';
import * as messages from './messages.js';
import { ledger } from './proxies.js';

/**
 * What happens to one team's subscription, one thing after the other (R21): facts come in, the pure
 * reducer answers with the new state, the ledger takes it, and the calls that it asks for are made.
 * `initial` is the team's state as Postgres has it.
 */
export async function subscription(initial: TeamState): Promise<void> {
  let state = initial;
  /** As the turn under way will leave it: Postgres may show it a moment before the turn is over. */
  let coming = initial;
  const inbox: Fact[] = [];
  const acted = new Set<string>();
  const view = new Console();
  const show = () => view.show(state, calls.waitsForStripe);
  const calls = new Calls(state.teamId, (fact) => void inbox.push(fact), show);

  setHandler(
    messages.fact,
    (hint) => {
      if (messages.isHint(hint)) inbox.push(hint);
      else log.warn('a malformed fact was ignored');
    },
    { description: 'Something happened at Stripe, by id: it is read there' },
  );
  setHandler(messages.state, () => state, { description: 'The state as the ledger has it' });
  handleAct(
    messages.retryPayment,
    'retryPayment',
    'Try the unpaid invoices now; no strike if it fails',
  );
  handleAct(messages.waive, 'waive', 'Give up the unpaid invoices and open the team again');
  handleAct(messages.resync, 'resync', 'Read the team at Stripe anew');

  // A request to cancel, as Temporal UI offers it, is not heard: a ladder would end and nobody know.
  return CancellationScope.nonCancellable(live);

  async function live(): Promise<void> {
    show();
    calls.steer(callsOf(state));
    for (;;) {
      await somethingToDo();
      if (mayStartAnew()) return continueAsNew<typeof subscription>(state);
      await turn();
    }
  }

  async function somethingToDo(): Promise<void> {
    const isThere = () => inbox.length > 0 || mayStartAnew();
    const due = nextDueAt(state);
    if (due === null) return condition(isThere);
    const wait = Math.max(0, Date.parse(due) - Date.now());
    await condition(isThere, wait, { summary: describeTimer(state) });
  }

  /**
   * Asked while it waits, too: operators are answered after the turn that did what they asked. Not
   * during an attempt to pay, which the next run could no longer cancel (R26).
   */
  function mayStartAnew(): boolean {
    return (
      workflowInfo().continueAsNewSuggested &&
      inbox.length === 0 &&
      state.ladders.every(({ attempt }) => attempt === null) &&
      allHandlersFinished()
    );
  }

  async function turn(): Promise<void> {
    const now = new Date().toISOString();
    const facts: Fact[] = [...inbox.splice(0), { kind: 'due' }];
    const next = reduce(state, facts, now);
    coming = next.state;
    await ledger.saveTurn.executeWithOptions({ summary: describeTurn(next.state, facts) }, [
      { ...next, at: now },
    ]);
    state = next.state;
    for (const fact of facts) if (fact.kind === 'act') acted.add(fact.id);
    calls.steer(callsOf(state));
    show();
  }

  /** An operator's Update: refused where it does not apply, answered when its effect is written (R31). */
  function handleAct(
    update: UpdateDefinition<TeamState, [messages.OperatorInput]>,
    action: OperatorAction,
    description: string,
  ): void {
    setHandler(
      update,
      async ({ actor, reason, invoiceId }) => {
        const id = currentUpdateInfo()?.id ?? '';
        inbox.push({ kind: 'act', id, action, actor, reason, invoiceId: invoiceId ?? null });
        const isDone = () => acted.has(id) && !isUnderWay(action, invoiceId);
        await CancellationScope.nonCancellable(() => condition(isDone));
        return state;
      },
      {
        description: `${description}. Input: { actor, reason, invoiceId? }`,
        validator(input) {
          const id = currentUpdateInfo()?.id ?? '';
          const malformed = messages.inputError(input, id);
          if (malformed !== null)
            throw ApplicationFailure.nonRetryable(malformed, 'malformed_input');
          const repeated = coming.seen.includes(id);
          const refused = refusal(coming, action, input.invoiceId ?? null);
          if (refused === null || repeated) return;
          throw ApplicationFailure.nonRetryable(refused.detail, refused.code);
        },
      },
    );
  }

  /** A reading, or an attempt to pay, is shared by all who asked for it. */
  function isUnderWay(action: OperatorAction, named: string | undefined): boolean {
    if (action === 'resync') return state.reading !== null || state.wanted !== null;
    return state.ladders.some(
      ({ invoiceId, attempt }) => attempt !== null && (named ?? invoiceId) === invoiceId,
    );
  }
}
