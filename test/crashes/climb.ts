import { expect } from 'vitest';
import { callsOf } from '../../src/domain/calls.js';
import type { TeamState } from '../../src/domain/team.js';
import type { Product } from '../support/product.js';
import { breakCard, customerTeam, fixCard, renew, type Subscriber } from '../support/stories.js';
import { passTime } from '../support/timeSkipping.js';

interface Stage {
  begin(product: Product, team: Subscriber): Promise<unknown>;
  /** Whether the team stands where this leads to. */
  isOver(state: TeamState): boolean;
}

const pass =
  (days: number): Stage['begin'] =>
  ({ temporal }, { teamId }) =>
    passTime(temporal, `subscription:${teamId}`, days);

const atStrike =
  (strike: number): Stage['isOver'] =>
  ({ ladders }) =>
    ladders[0]?.strike === strike;

const subscribes: Stage = { begin: subscribe, isOver: ({ tier }) => tier === 'pro' };
const breaksCard: Stage = { begin: breakCard, isOver: ({ tier }) => tier === 'pro' };
const fixesCard: Stage = { begin: fixCard, isOver: ({ closed }) => closed.length === 1 };
const isWaived: Stage = {
  begin: ({ api }, { teamId }) =>
    api('POST', `/api/v1/teams/${teamId}/actions/waive`, { actor: 'op', reason: 'our fault' }),
  isOver: ({ closed }) => closed.length === 1,
};

const stories = {
  /** Three days, then five. */
  paid: [
    subscribes,
    breaksCard,
    { begin: renew, isOver: atStrike(1) },
    { begin: pass(3), isOver: atStrike(2) },
    { begin: pass(5), isOver: atStrike(3) },
    fixesCard,
  ],
  /** Intervals that are over at once. */
  paidSoon: [subscribes, breaksCard, { begin: renew, isOver: atStrike(3) }, fixesCard],
  waived: [subscribes, breaksCard, { begin: renew, isOver: atStrike(1) }, isWaived],
} satisfies Record<string, Stage[]>;

/** A team on its way through a story. */
export interface Climber extends Subscriber {
  story: keyof typeof stories;
  /** How many of its stages have begun. */
  begun: number;
}

export async function climber(product: Product, story: Climber['story']): Promise<Climber> {
  return { ...(await customerTeam(product)), subscriptionId: '', story, begun: 0 };
}

async function subscribe({ stripe }: Product, team: Subscriber): Promise<void> {
  const { id } = await stripe.subscriptions.create({
    customer: team.customerId,
    items: [{ price: 'price_sandbox_pro' }],
    metadata: { team_id: team.teamId },
    billing_mode: { type: 'flexible' },
  });
  team.subscriptionId = id;
}

/**
 * Leads teams through their stories, each at its own pace, until each has ended its own, or the first
 * `stages` of it, or is held. What has begun, which may be over only when it is held no more.
 */
export async function climb(
  product: Product,
  teams: readonly Climber[],
  held: ReadonlySet<string>,
  stages?: number,
): Promise<Promise<unknown>[]> {
  const begun: Promise<unknown>[] = [];
  const advance = async () => {
    const quiet = await quietTeams(product);
    const climbing: string[] = [];
    for (const team of teams) {
      if (held.has(`subscription:${team.teamId}`)) continue;
      const story: readonly Stage[] = stories[team.story].slice(0, stages);
      const state = quiet.get(team.teamId);
      const rests = state !== undefined && (story[team.begun - 1]?.isOver(state) ?? true);
      const next = story[team.begun];
      if (rests && next === undefined) continue;
      climbing.push(`${team.teamId}, ${team.story} ${team.begun}`);
      if (!rests || next === undefined) continue;
      team.begun += 1;
      begun.push(next.begin(product, team));
    }
    return climbing;
  };
  await expect.poll(advance, { timeout: 60_000, interval: 50 }).toEqual([]);
  return begun;
}

/** The states of the teams for which nothing is under way, and no mail waits. */
async function quietTeams({ control, pool }: Product): Promise<Map<string, TeamState>> {
  const { pending } = await control<{ pending: number }>('GET', '/webhooks');
  if (pending > 0) return new Map();
  const { rows } = await pool.query<{ id: string; state: TeamState }>(
    `select id, state from tagih.teams t
      where state is not null
        and not exists (select from tagih.outbox where workflow_id = 'subscription:' || t.id)
        and not exists (select from tagih.stripe_events
                         where team_id = t.id and taken_at is null and not ignored)
        and not exists (select from tagih.emails
                         where team_id = t.id and sent_at is null and refused is null)`,
  );
  const quiet = rows.filter(({ state }) => callsOf(state).length === 0);
  return new Map(quiet.map(({ id, state }) => [id, state]));
}
