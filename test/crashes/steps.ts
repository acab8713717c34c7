import { type Call, callsOf } from '../../src/domain/calls.js';
import type { TeamState } from '../../src/domain/team.js';

/** A ladder that is told here is paid by its third attempt, and is gone from the state then. */
const LAST_ATTEMPT = 3;

/**
 * Names the steps that a team's workflow takes by its activities. How many facts a turn takes is chance, and
 * with it which turn is the nth: so a step's name is what it does, and how far its ladder has come.
 */
export class Steps {
  constructor(private state: TeamState) {}

  /** All names of an activity that is scheduled, with what it was given. */
  names(activity: string, input: unknown): string[] {
    if (activity === 'saveTurn') return this.turn((input as { state: TeamState }).state);
    if (activity === 'attemptPayment') {
      return [`${activity} ${(input as { attempt: { number: number } }).attempt.number}`];
    }
    if (activity !== 'readTeam') return [activity];
    const { reading } = input as { reading: { cards: unknown[] } };
    return [`${activity}${reading.cards.length > 0 ? ' of a card' : ''}, ${attempts(this.state)}`];
  }

  private turn(state: TeamState): string[] {
    const before = callsOf(this.state);
    // One that is tried again is no other turn.
    if (state.turn > this.state.turn) this.state = state;
    const after = callsOf(state);
    return [
      'saveTurn',
      ...without(after, before).map((call) => `saveTurn, asks for ${nameOf(call, state)}`),
      ...without(before, after).map((call) => `saveTurn, has ${nameOf(call, state)}`),
    ];
  }
}

const without = (calls: readonly Call[], others: readonly Call[]) =>
  calls.filter(({ id }) => !others.some((other) => other.id === id));

function nameOf(call: Call, state: TeamState): string {
  if (call.kind === 'attempt') return `attempt ${call.attempt.number}`;
  return call.kind === 'read' ? `read, ${attempts(state)}` : call.kind;
}

function attempts({ ladders: [ladder], closed }: TeamState): string {
  return `${ladder?.attempts ?? (closed.length > 0 ? LAST_ATTEMPT : 0)} attempts`;
}
