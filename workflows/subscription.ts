import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  log,
  patched,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { callsOf, nextDueAt } from '../src/domain/calls.js';
import type { Instant } from '../src/domain/instant.js';
import { reduce } from '../src/domain/reduce.js';
import type { Fact, TeamState } from '../src/domain/team.js';
import { Calls } from './calls.js';
import { Console, describeTurn } from './console.js';
import * as messages from './messages.js';
import { Operators } from './operators.js';
import { ledger } from './proxies.js';
import { describeTimer } from './sentence.js';

/** What a run leaves to the next one beside the team's state; all of it is nothing that Postgres has to know. */
interface Carried {
  /** Facts that came and were not taken. */
  facts: Fact[];
  /** Calls that Stripe has not answered for ten minutes, and since when; that is absent from runs of before. */
  failing: string[];
  failingSince?: Instant;
}

/**
 * What happens to one team's subscription, one thing after the other (R21): facts come in, the pure
 * reducer answers with the new state, the ledger takes it, and the calls that it asks for are made.
 * `initial` is the team's state as Postgres has it, `carried` what the run before this one left.
 */
export async function subscription(
  initial: TeamState,
  carried: Carried = { facts: [], failing: [] },
): Promise<void> {
  let state = initial;
  /** As the turn under way will leave it: Postgres may show it a moment before the turn is over. */
  let coming = initial;
  const inbox = [...carried.facts];
  /** The turn in which a new run was first suggested. */
  let suggestedIn: number | undefined;
  const view = new Console();
  const show = () => view.show(state, calls.failingSince);
  const calls = new Calls(state.teamId, (fact) => void inbox.push(fact), show, carried);
  const operators = new Operators({
    state: () => state,
    coming: () => coming,
    take: (act) => void inbox.push(act),
  });

  setHandler(
    messages.fact,
    (...hints) => {
      for (const hint of hints) {
        if (messages.isHint(hint)) inbox.push(hint);
        else log.warn('a malformed fact was ignored');
      }
    },
    { description: 'Something happened at Stripe, by id: it is read there' },
  );
  setHandler(messages.state, () => state, { description: 'The state as the ledger has it' });

  // A request to cancel, as Temporal UI offers it, is not heard: a ladder would end and nobody know.
  return CancellationScope.nonCancellable(live);

  async function live(): Promise<void> {
    show();
    calls.steer(callsOf(state));
    for (;;) {
      await somethingToDo();
      if (mayStartAnew() || (isOverdue() && patched('facts-carried'))) {
        const { failing, failingSince } = calls;
        return continueAsNew<typeof subscription>(state, {
          facts: inbox,
          failing,
          ...(failingSince && { failingSince }),
        });
      }
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

  /** Asked while it waits, too: operators are answered after the turn that did what they asked. */
  function mayStartAnew(): boolean {
    return workflowInfo().continueAsNewSuggested && inbox.length === 0 && canStartAnew();
  }

  /**
   * Whether facts wait again after a turn that was taken when a new run was suggested: where they never
   * leave off, those that wait go with it, before the server ends this run for its length.
   */
  function isOverdue(): boolean {
    if (!workflowInfo().continueAsNewSuggested) return false;
    suggestedIn ??= state.turn;
    return state.turn > suggestedIn && canStartAnew();
  }

  /** Not during an attempt to pay, which the next run could no longer cancel (R26). */
  function canStartAnew(): boolean {
    return state.ladders.every(({ attempt }) => attempt === null) && allHandlersFinished();
  }

  async function turn(): Promise<void> {
    const now = new Date().toISOString();
    const facts: Fact[] = [...inbox.splice(0), { kind: 'due' }];
    const { refused, ...next } = reduce(state, facts, now);
    coming = next.state;
    await ledger.saveTurn.executeWithOptions({ summary: describeTurn(next.state, facts) }, [
      { ...next, at: now, taken: facts.flatMap((of) => (of.kind === 'hint' ? of.id : [])) },
    ]);
    state = next.state;
    operators.answer(facts, refused);
    calls.steer(callsOf(state));
    show();
  }
}
