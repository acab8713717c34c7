import { expect, test } from 'vitest';
import * as messages from '../../workflows/messages.js';
import { historiesOf } from '../support/histories.js';
import { monthsAgo, subscribedIn } from '../support/months.js';
import { sharedProduct } from '../support/product.js';
import {
  attempts,
  breakCard,
  fixCard,
  patiently,
  sent,
  settled,
  timeline,
} from '../support/stories.js';
import { passTime } from '../support/timeSkipping.js';

const DAY = 86_400_000;
const YEARS = 5;
/** Of a state that holds all that it may, and the facts that come with it into a new run. */
const LARGEST_START = 20_000;

// As the product comes: three days, then five.
const product = sharedProduct({ DUNNING_INTERVALS: undefined });

/** What a history says that its run was started with, in bytes. */
function sizeOfStart(history: string): number {
  const [started] = JSON.parse(history).events;
  return JSON.stringify(started.workflowExecutionStartedEventAttributes.input).length;
}

test('R21: after five years of renewals a team has had several runs, each was given little, and its timers are right', async () => {
  const team = await subscribedIn(product, monthsAgo(0), 'pro');
  const workflowId = `subscription:${team.teamId}`;
  const workflow = product.temporal.workflow.getHandle(workflowId);
  /** How far the workflow's clock is ahead. */
  let ahead = 0;

  async function pass(days: number): Promise<void> {
    await passTime(product.temporal, workflowId, days);
    ahead += days * DAY;
  }

  /** Both clocks go on to a time, and all that happens at Stripe until then is taken. */
  async function reach(time: number): Promise<void> {
    await pass(Math.max(0, time - Date.now() - ahead) / DAY);
    const frozen_time = Math.floor(time / 1000);
    await product.stripe.testHelpers.testClocks.advance(team.clockId, { frozen_time });
    await settled(product, team.teamId);
  }

  async function periodEnd(): Promise<number> {
    const { items } = await product.stripe.subscriptions.retrieve(team.subscriptionId);
    return (items.data[0]?.current_period_end ?? 0) * 1000;
  }

  async function failRenewal(): Promise<void> {
    await breakCard(product, team);
    // An hour after the end of the period its invoice is due.
    await reach((await periodEnd()) + 61 * 60_000);
    await product.until(team.teamId, ({ dunning }) => expect(dunning?.strike).toBe(1));
  }

  async function recover(): Promise<void> {
    await fixCard(product, team);
    await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
  }

  for (let year = 0; year < YEARS; year += 1) {
    // Eleven renewals, and half a month.
    await reach((await periodEnd()) + 320 * DAY);
    await failRenewal();
    if (year < YEARS - 1) await recover();
  }

  const { ladders, seen } = await workflow.query(messages.state);
  expect(seen).toHaveLength(200);
  const [{ invoiceId, since, timer }] = ladders as [(typeof ladders)[number]];
  expect(Date.parse(timer?.at ?? '')).toBe(Date.parse(since) + 3 * DAY);
  await pass(2.9);
  expect(await attempts(product, invoiceId)).toHaveLength(0);
  await pass(0.1);
  await product.until(team.teamId, ({ dunning }) => expect(dunning?.strike).toBe(2));
  expect(await attempts(product, invoiceId)).toHaveLength(1);
  await recover();

  const lines = await timeline(product, team.teamId);
  expect(lines.filter(({ kind }) => kind === 'strike')).toHaveLength(YEARS + 1);
  await expect
    .poll(() => sent(product, team.teamId), patiently)
    .toEqual(
      [
        ...Array(YEARS - 1).fill(['payment-warning', 'payment-recovered']),
        ['payment-warning', 'payment-critical', 'payment-recovered'],
      ].flat(),
    );
  const starts = (await historiesOf(product.temporal, workflowId)).map(sizeOfStart);
  expect(starts.length).toBeGreaterThan(2);
  expect(Math.max(...starts)).toBeLessThan(LARGEST_START);
}, 60_000);
