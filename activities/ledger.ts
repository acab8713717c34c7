import type { Instant } from '../src/domain/instant.js';
import type { Effect, TeamState } from '../src/domain/team.js';
import { saveTurn } from '../src/services/turns.js';
import type { ActivityDependencies } from './dependencies.js';

export const ledgerActivities = ({ pool }: Pick<ActivityDependencies, 'pool'>) => ({
  async saveTurn(turn: { state: TeamState; effects: Effect[]; at: Instant }): Promise<void> {
    await saveTurn(pool, turn);
  },
});
