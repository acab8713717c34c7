import { vi } from 'vitest';
import { nextDueAt } from '../src/domain/calls.js';
import type { TeamState } from '../src/domain/team.js';
import { subscriptionWorkflowId } from '../src/domain/workflowIds.js';
import { type ClockedTeam, clockedTeam } from '../test/support/months.js';
import type { Product } from '../test/support/product.js';
import { settled } from '../test/support/stories.js';
import { passTimeUntil } from '../test/support/timeSkipping.js';
import { doTo } from './deeds.js';
import { nextEventful } from './eventful.js';
import type { Fate } from './model/fate.js';
import { endOf, timeOf } from './model/year.js';

/** When all years begin, in seconds: ahead of all clocks, and on a day that not every month has. */
export const START = Date.UTC(new Date().getUTCFullYear() + 1, 0, 31, 9) / 1_000;

/** Stripe goes first, and the workflow follows: what its timers do at Stripe is to be of their time. */
const BEHIND = 5 * 60_000;

/**
 * Lives a team through its year against the whole product: a test clock at Stripe and the clock of the team's
 * workflow go on in step, from one thing that happens to the next.
 */
export async function live(product: Product, fate: Fate): Promise<ClockedTeam> {
  const { stripe, temporal } = product;
  const customer = await clockedTeam(product, START);
  const { teamId, customerId } = customer;
  const workflowId = subscriptionWorkflowId(teamId);
  let now = 0;
  await atRest();
  await passTo(START * 1_000);
  now = START * 1_000;
  await doTo(product, customer, { does: 'subscribes', plan: fate.plan }, fate.trialDays);
  let state = await atRest();

  for (const happening of fate.happenings) {
    await reach(timeOf(START, happening) * 1_000);
    await doTo(product, customer, happening);
    state = await atRest();
  }
  await reach(endOf(START) * 1_000);
  return customer;

  /** Both clocks go on to a time, and stop wherever something happens before it. */
  async function reach(time: number): Promise<void> {
    for (;;) {
      const { data } = await stripe.invoices.list({ customer: customerId, status: 'draft' });
      const drafts = data.map((draft) => (draft.automatically_finalizes_at ?? 0) * 1_000);
      const next = Math.min(time, nextEventful(state, drafts, now));
      await passTo(next - BEHIND);
      const frozen_time = Math.ceil(next / 1_000);
      await stripe.testHelpers.testClocks.advance(customer.clockId, { frozen_time });
      await passTo(next);
      now = next;
      state = await atRest();
      if (next === time) return;
    }
  }

  function passTo(time: number): Promise<void> {
    return passTimeUntil(temporal, workflowId, new Date(time));
  }

  /** Waits until all that has happened was taken, and no timer is due. */
  function atRest(): Promise<TeamState> {
    return vi.waitFor(
      async () => {
        const rested = await settled(product, teamId, customerId);
        const due = nextDueAt(rested);
        if (due !== null && Date.parse(due) <= now) throw new Error(`${due} has come`);
        return rested;
      },
      { timeout: 60_000 },
    );
  }
}
