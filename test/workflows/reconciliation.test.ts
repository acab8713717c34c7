import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { listed } from '../support/events.js';
import { historiesOf, record } from '../support/histories.js';
import { monthsAgo, subscribedIn } from '../support/months.js';
import { sharedProduct, WEBHOOK_SECRET } from '../support/product.js';
import { expectReplay } from '../support/replay.js';
import {
  attempts,
  breakCard,
  customerTeam,
  freeTeam,
  patiently,
  renew,
  settled,
  subscriber,
  timeline,
  unpaid,
} from '../support/stories.js';
import { passTime } from '../support/timeSkipping.js';

const product = sharedProduct({ DUNNING_INTERVALS: '3d,5d' });

/** An endpoint that answers every event with 200 and keeps none: what Stripe sends there is lost. */
let nowhere: Server;
beforeAll(async () => {
  nowhere = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
  await once(nowhere, 'listening');
});
afterAll(() => {
  nowhere.close();
});
afterEach(() => hear());

const endpoint = (url: string) =>
  product.control('POST', '/webhooks', { url, secret: WEBHOOK_SECRET });
const hear = () => endpoint(`${product.url}/api/webhooks/stripe`);

/** What Stripe tells of `happening` is lost. */
async function unheard<T>(happening: () => Promise<T>): Promise<T> {
  const address = nowhere.address();
  if (address === null || typeof address === 'string') throw new Error('nowhere is not there');
  await endpoint(`http://127.0.0.1:${address.port}`);
  const result = await happening();
  await expect
    .poll(async () => product.control('GET', '/webhooks'), patiently)
    .toMatchObject({ pending: 0 });
  await hear();
  return result;
}

/** The whole account is compared, as the schedule has it done each day. */
async function reconcile() {
  const { schedule, workflow } = product.temporal;
  const handle = schedule.getHandle('reconciliation');
  const runs = async () =>
    (await handle.describe()).info.recentActions.map(({ action }) => action.workflow);
  const before = (await runs()).map(({ firstExecutionRunId }) => firstExecutionRunId);
  await handle.trigger();
  return vi.waitFor(async () => {
    const run = (await runs()).find((one) => !before.includes(one.firstExecutionRunId));
    if (run === undefined) throw new Error('it has not started');
    const { workflowId, firstExecutionRunId } = run;
    const totals = await workflow.getHandle(workflowId, firstExecutionRunId).result();
    return { workflowId, totals };
  }, patiently);
}

const told = async (teamId: string) =>
  (await timeline(product, teamId)).filter(({ kind }) => kind === 'reconciled');

const cancelled = (subscriptionId: string) => product.stripe.subscriptions.cancel(subscriptionId);

test('R15: what a lost webhook would have told is found, repaired, and on the timeline', async () => {
  const gone = await subscriber(product);
  const owes = await subscriber(product);
  const fine = await subscriber(product);
  await breakCard(product, owes);
  for (const { teamId } of [gone, owes, fine]) await settled(product, teamId);
  const invoiceId = await unheard(async () => {
    await cancelled(gone.subscriptionId);
    return renew(product, owes);
  });

  const { totals, workflowId } = await reconcile();
  expect(totals).toMatchObject({ repaired: 2 });
  await product.until(gone.teamId, ({ tier }) => expect(tier).toBe('free'));
  await product.until(owes.teamId, ({ dunning }) =>
    expect(dunning).toMatchObject({ strike: 1, invoiceId }),
  );
  expect(await told(gone.teamId)).toMatchObject([
    {
      summary: `Stripe's ${gone.subscriptionId} was not as it was known: status, end`,
      actor: 'reconciliation',
      details: { subscriptionId: gone.subscriptionId },
    },
  ]);
  const summary = `Stripe's ${owes.subscriptionId} was not as it was known: status, period end, unpaid invoice`;
  expect(await told(owes.teamId)).toMatchObject([{ summary }]);
  expect(await told(fine.teamId)).toEqual([]);

  for (const { teamId } of [gone, owes]) await settled(product, teamId);
  expect((await reconcile()).totals).toMatchObject({ repaired: 0 });
  expect(await told(owes.teamId)).toHaveLength(1);

  const histories = await historiesOf(product.temporal, workflowId);
  await expectReplay(histories);
  record('reconciliation', histories);
});

test('R18: a subscription that no team knows is shown with the parked events, and comes to its team', async () => {
  const customer = await product.stripe.customers.create({
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  const subscribe = () =>
    product.stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: 'price_sandbox_enterprise' }],
      billing_mode: { type: 'flexible' },
    });
  const { id } = await unheard(subscribe);
  const ended = await unheard(subscribe);
  await reconcile();
  const parked = async () => (await listed(product, 'parked')).map(({ id }) => id);
  expect(await listed(product, 'parked')).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        id: `reconcile:${id}`,
        type: 'tagih.unknown_subscription',
        objectId: id,
      }),
    ]),
  );
  expect(await parked()).toContain(`reconcile:${ended.id}`);
  await unheard(() => cancelled(ended.id));
  await reconcile();
  expect(await parked()).toContain(`reconcile:${id}`);
  expect(await parked()).not.toContain(`reconcile:${ended.id}`);

  const teamId = await freeTeam(product);
  await product.api('PUT', `/api/v1/teams/${teamId}`, {
    name: 'Acme',
    adminEmail: `${teamId}@admin.example`,
    stripeCustomerId: customer.id,
  });
  await product.until(teamId, ({ tier }) => expect(tier).toBe('enterprise'));
  await settled(product, teamId);
  expect(await parked()).not.toContain(`reconcile:${id}`);
});

test('a subscription on the customer of another team comes to the team that it names', async () => {
  const { customerId } = await customerTeam(product);
  const teamId = await freeTeam(product);
  await unheard(() =>
    product.stripe.subscriptions.create({
      customer: customerId,
      items: [{ price: 'price_sandbox_pro' }],
      metadata: { team_id: teamId },
      billing_mode: { type: 'flexible' },
    }),
  );
  await reconcile();
  await product.until(teamId, ({ tier }) => expect(tier).toBe('pro'));
});

test('a live subscription that the account does not list is read by itself', async () => {
  // Stripe lists those of a test clock only where the clock is asked for.
  const team = await subscribedIn(product, monthsAgo(1), 'pro');
  await settled(product, team.teamId);
  await unheard(() => cancelled(team.subscriptionId));
  await reconcile();
  await product.until(team.teamId, ({ tier }) => expect(tier).toBe('free'));
});

test('R24: the ladder of a workflow that somebody has terminated goes on, at the time it had', async () => {
  const team = await unpaid(product);
  await settled(product, team.teamId);
  const dunning = async () =>
    (await product.api('GET', `/api/v1/teams/${team.teamId}`)).body.dunning;
  const before = await dunning();
  await product.temporal.workflow.getHandle(`subscription:${team.teamId}`).terminate('by mistake');
  await reconcile();
  await settled(product, team.teamId);
  expect(await dunning()).toEqual(before);
  expect(await told(team.teamId)).toEqual([]);
  await passTime(product.temporal, `subscription:${team.teamId}`, 3);
  await product.until(team.teamId, ({ dunning }) => expect(dunning?.strike).toBe(2));
  expect(await attempts(product, team.invoiceId)).toHaveLength(1);
});

test('R17: what is on its way is left to come', async () => {
  const team = await subscriber(product);
  await settled(product, team.teamId);
  await product.stopWorker();
  await cancelled(team.subscriptionId);
  await expect
    .poll(async () => (await listed(product, 'delivered')).at(-1)?.teamId, patiently)
    .toBe(team.teamId);
  await product.startWorker();
  await reconcile();
  await product.until(team.teamId, ({ tier }) => expect(tier).toBe('free'));
  expect(await told(team.teamId)).toEqual([]);
});

test('an account of more than a page is compared to its end', async () => {
  const oldest = await subscriber(product);
  await settled(product, oldest.teamId);
  const { id: customer } = await product.stripe.customers.create();
  await unheard(async () => {
    for (let number = 0; number < 100; number += 1) {
      const items = [{ price: 'price_sandbox_pro' }];
      const { id } = await product.stripe.subscriptions.create({
        customer,
        items,
        trial_period_days: 7,
      });
      await cancelled(id);
    }
    await cancelled(oldest.subscriptionId);
  });
  const { totals } = await reconcile();
  expect(totals).toMatchObject({ repaired: 1 });
  await product.until(oldest.teamId, ({ tier }) => expect(tier).toBe('free'));
});
