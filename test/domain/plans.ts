import type { PlanId } from '../../src/domain/plans.js';
import type { Subscription } from '../../src/domain/subscription.js';
import type { PlanPeriod } from '../../src/domain/team.js';
import { type Story, subscription } from './given.js';

/** A subscription of this plan; null: of a price that no plan knows. */
export const on = (plan: PlanId | null, of: Partial<Subscription> = {}) =>
  subscription({ plan, priceId: `price_${plan ?? 'of_nobody'}`, ...of });

/** The team's plan history as rows: what is written later under the same key stands. */
export const history = ({ planPeriods }: Story): PlanPeriod[] => [
  ...new Map(
    planPeriods.map((period) => [
      `${period.subscriptionId} ${period.startsAt} ${period.plan}`,
      period,
    ]),
  ).values(),
];

/** The plan periods that have not ended. */
export const open = (team: Story) => history(team).filter(({ endsAt }) => endsAt === null);
