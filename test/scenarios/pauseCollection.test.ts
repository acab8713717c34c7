import type Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Direct } from '../support/direct.js';
import { directLedger, policy } from '../support/directLedger.js';
import { DAY, HOUR, priceIds, StripeSide } from '../support/stripeSide.js';

const ledger = directLedger();
let side: StripeSide;
let team: Direct;
let subscriptionId: string;
beforeEach(async () => {
  side = await StripeSide.start();
  team = await Direct.start(ledger.pool, side, policy);
  const { id } = await side.stripe.subscriptions.create({
    customer: side.customerId,
    items: [{ price: priceIds.pro }],
    billing_mode: { type: 'flexible' },
  });
  subscriptionId = id;
  await team.settle();
  await side.control('POST', `/customers/${side.customerId}/card`, {
    card: 'pm_card_chargeCustomerFail',
  });
});
afterEach(() => side.close());

async function setPause(
  pause_collection: Stripe.SubscriptionUpdateParams['pause_collection'],
): Promise<void> {
  await side.stripe.subscriptions.update(subscriptionId, {
    pause_collection: pause_collection ?? null,
  });
  await team.settle();
}

/** A month later, when its invoice would have been collected. */
async function renew(): Promise<void> {
  const end = Date.parse(team.state.subscription?.currentPeriodEnd ?? '');
  await side.pass((end - Date.parse(side.now)) / 1_000 + HOUR);
  await team.settle();
}

/** The kinds of lines since the team was on its plan. */
async function kinds(): Promise<string[]> {
  const { rows } = await ledger.pool.query<{ kind: string }>(
    'select kind from tagih.timeline where team_id = $1 order by id',
    [team.teamId],
  );
  return rows.slice(2).map(({ kind }) => kind);
}

async function mails(): Promise<string[]> {
  const { rows } = await ledger.pool.query<{ kind: string }>(
    'select kind from tagih.emails where team_id = $1 order by id',
    [team.teamId],
  );
  return rows.map(({ kind }) => kind);
}

describe.each(['keep_as_draft', 'mark_uncollectible', 'void'] as const)(
  'a subscription whose collection is paused with %s',
  (behavior) => {
    test('R22: owes nothing: no ladder, no mail, full access; and owes again when it goes on', async () => {
      await setPause({ behavior });
      await renew();
      await renew();
      expect(team.state.ladders).toEqual([]);
      expect(team.state.subscription?.status).toBe('active');
      const access = await team.billing.access(team.teamId, 1, new Date(side.now));
      expect(access).toMatchObject({ ai: 'full', dashboard: 'open', overageAllowed: true });
      expect(await kinds()).toEqual(['collection_paused']);

      await setPause(null);
      expect(team.state.ladders).toEqual([]);
      expect(await mails()).toEqual([]);
      await renew();
      expect(team.state.ladders).toMatchObject([{ strike: 1 }]);
      expect(await kinds()).toEqual([
        'collection_paused',
        'collection_resumed',
        'subscription_changed',
        'payment_attempt_failed',
        'strike',
      ]);
      expect(await mails()).toEqual(['payment-warning']);
    });
  },
);

test('R22: what was owed before goes on to be collected, as at Stripe, and the pause ends by itself', async () => {
  await renew();
  const resumesAt = Date.parse(side.now) / 1_000 + 4 * DAY;
  await setPause({ behavior: 'void', resumes_at: resumesAt });
  await side.pass(3 * DAY);
  await team.settle();
  expect(team.state.ladders).toMatchObject([{ strike: 2 }]);
  await side.pass(DAY);
  await team.settle();
  expect(team.state.subscription).not.toHaveProperty('pauseCollection');
  expect((await kinds()).filter((kind) => kind.startsWith('collection_'))).toEqual([
    'collection_paused',
    'collection_resumed',
  ]);
  expect(await mails()).toEqual(['payment-warning', 'payment-critical']);
});
