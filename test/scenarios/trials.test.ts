import type Stripe from 'stripe';
import { afterEach, describe, expect, test } from 'vitest';
import { postEvent } from '../support/events.js';
import { historiesOf, record } from '../support/histories.js';
import { sharedProduct } from '../support/product.js';
import {
  breakCard,
  customerTeam,
  eventsOf,
  planPeriods,
  type Subscriber,
  sent,
  settled,
  timeline,
} from '../support/stories.js';
import { passTime } from '../support/timeSkipping.js';

const product = sharedProduct({ DUNNING_INTERVALS: '1h,1h' });
afterEach(() => product.control('POST', '/webhooks', { paused: false }));

/** A team whose trial of Pro has begun. */
async function onTrial(
  days: number,
  more: Partial<Stripe.SubscriptionCreateParams> = {},
): Promise<Subscriber & { trialEnd: string }> {
  const { teamId, customerId } = await customerTeam(product);
  const { id, trial_end } = await product.stripe.subscriptions.create({
    customer: customerId,
    items: [{ price: 'price_sandbox_pro' }],
    trial_period_days: days,
    metadata: { team_id: teamId },
    billing_mode: { type: 'flexible' },
    ...more,
  });
  await product.until(teamId, ({ tier }) => expect(tier).toBe('pro'));
  await settled(product, teamId);
  const trialEnd = new Date((trial_end ?? 0) * 1000).toISOString();
  return { teamId, customerId, subscriptionId: id, trialEnd };
}

const pass = ({ teamId }: Subscriber, days: number) =>
  passTime(product.temporal, `subscription:${teamId}`, days);

describe('R29, R30: a trial holds its plan', () => {
  test('and is mailed three days before its end, though Stripe says nothing', async () => {
    const team = await onTrial(14);
    expect((await product.api('GET', `/api/v1/teams/${team.teamId}`)).body).toMatchObject({
      tier: 'pro',
      subscriptionStatus: 'trialing',
      access: { allowed: true, overageAllowed: true, dashboard: 'open' },
    });
    await product.control('POST', '/webhooks', { paused: true });
    await pass(team, 10.9);
    expect(await sent(product, team.teamId)).toEqual([]);
    await pass(team, 0.2);
    await expect.poll(() => sent(product, team.teamId)).toEqual(['trial-ending']);
    const [mail] = await product.mails(team.teamId);
    expect(mail).toMatchObject({
      subject: 'The trial of Acme ends soon',
      metadata: { cause: `${team.subscriptionId}:${team.trialEnd}` },
    });
    expect(mail?.text).toContain('its pro plan is paid for');
    await pass(team, 1);
    expect(await sent(product, team.teamId)).toEqual(['trial-ending']);
    record('trial', await historiesOf(product.temporal, `subscription:${team.teamId}`));
  });

  test("and a short one is mailed at once, once, however often Stripe's event comes (R17)", async () => {
    const team = await onTrial(2);
    expect(await sent(product, team.teamId)).toEqual(['trial-ending']);
    const ends = (await eventsOf(product, team)).filter(({ type }) => type.endsWith('will_end'));
    expect(ends).toHaveLength(1);
    await postEvent(product, JSON.stringify({ ...ends[0], id: `${ends[0]?.id}_again` }));
    await settled(product, team.teamId);
    expect(await sent(product, team.teamId)).toEqual(['trial-ending']);
  });

  test('and one that is extended is mailed again, for its new end', async () => {
    const team = await onTrial(2);
    const extended = Math.floor(Date.parse(team.trialEnd) / 1000) + 86_400 / 2;
    await product.stripe.subscriptions.update(team.subscriptionId, { trial_end: extended });
    await settled(product, team.teamId);
    const causes = (await product.mails(team.teamId)).map(({ metadata }) => metadata['cause']);
    expect(causes).toEqual([
      `${team.subscriptionId}:${team.trialEnd}`,
      `${team.subscriptionId}:${new Date(extended * 1000).toISOString()}`,
    ]);
  });

  test('and one that is cancelled to its end is on the timeline, and not mailed', async () => {
    const team = await onTrial(14);
    await product.stripe.subscriptions.update(team.subscriptionId, { cancel_at_period_end: true });
    await settled(product, team.teamId);
    expect((await timeline(product, team.teamId)).at(-1)).toMatchObject({
      kind: 'cancellation_scheduled',
      details: { cancelAt: team.trialEnd },
    });
    await pass(team, 13);
    expect(await sent(product, team.teamId)).toEqual([]);
  });

  test('R20: it begins with an invoice of zero, which is paid, and ends paid: one plan throughout (R37)', async () => {
    const team = await onTrial(2);
    const paid = (await eventsOf(product, team)).filter(({ type }) => type === 'invoice.paid');
    expect(paid).toMatchObject([{ data: { object: { amount_paid: 0 } } }]);
    await product.stripe.subscriptions.update(team.subscriptionId, { trial_end: 'now' });
    await product.until(team.teamId, (body) => {
      expect(body).toMatchObject({ tier: 'pro', subscriptionStatus: 'active', dunning: null });
    });
    await settled(product, team.teamId);
    expect(await planPeriods(product, team.teamId)).toEqual([{ plan: 'pro', ended: false }]);
    expect(await sent(product, team.teamId)).toEqual(['trial-ending']);
  });

  test('R22: an end that the card declines is a renewal that failed: strike 1', async () => {
    const team = await onTrial(2);
    await breakCard(product, team);
    await product.stripe.subscriptions.update(team.subscriptionId, { trial_end: 'now' });
    await product.until(team.teamId, (body) => {
      expect(body).toMatchObject({
        tier: 'pro',
        subscriptionStatus: 'past_due',
        dunning: { strike: 1 },
      });
    });
    await settled(product, team.teamId);
    expect(await sent(product, team.teamId)).toEqual(['trial-ending', 'payment-warning']);
  });
});
