import type { Instant } from '../src/domain/instant.js';
import type { Effect, TeamState } from '../src/domain/team.js';
import { saveTurn } from '../src/services/turns.js';
import type { ActivityDependencies } from './dependencies.js';

export const ledgerActivities = ({ pool }: Pick<ActivityDependencies, 'pool'>) => ({
  /** `taken`: ids of the facts that the turn took; absent from histories of before. */
  async saveTurn(turn: {
    state: TeamState;
    effects: Effect[];
    at: Instant;
    taken?: string[];
  }): Promise<void> {
    await saveTurn(pool, turn);
  },
});
