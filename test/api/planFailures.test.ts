import { afterEach, describe, expect, test } from 'vitest';
import { sharedProduct } from '../support/product.js';
import {
  breakCard,
  changePlan,
  planOutcomes,
  planSteps,
  subscriber,
  timeline,
} from '../support/stories.js';

const product = sharedProduct();
afterEach(() => product.control('DELETE', '/faults'));

const fault = (path: string, more: object) =>
  product.control('POST', '/faults', { method: 'POST', path, times: 1, ...more });

const SUBSCRIPTION = '^/v1/subscriptions/sub_\\w+$';
const SCHEDULES = '^/v1/subscription_schedules$';
const SCHEDULE = '^/v1/subscription_schedules/\\w+$';

const away = { status: 503, body: { code: 'stripe_unavailable' } };

const charges = async (customer: string) =>
  (await product.stripe.charges.list({ customer })).data.length;

describe('R35: what was begun is gone on with, and done once', () => {
  test('a crash between a schedule and its phases', async () => {
    const { teamId, customerId } = await subscriber(product, 'enterprise');
    await fault(SCHEDULE, { kind: 'error', status: 503 });
    expect(await changePlan(product, teamId, 'pro')).toMatchObject(away);
    expect(await planOutcomes(product, teamId)).toEqual(['pro open']);
    expect(await changePlan(product, teamId, 'pro')).toMatchObject({
      status: 200,
      body: { pendingPlan: { plan: 'pro' } },
    });
    expect(await planOutcomes(product, teamId)).toEqual(['pro made']);
    expect(await planSteps(product, teamId)).toEqual(['1:schedule', '1:phases', '1:phases']);
    const schedules = await product.stripe.subscriptionSchedules.list({ customer: customerId });
    expect(schedules.data).toHaveLength(1);
  });

  test('a connection that is cut after the upgrade was made: it is charged once', async () => {
    const { teamId, customerId } = await subscriber(product);
    // Twice: a connection that is reset is tried again at once.
    await fault(SUBSCRIPTION, { kind: 'reset', after: true, times: 2 });
    expect(await changePlan(product, teamId, 'enterprise')).toMatchObject(away);
    expect((await changePlan(product, teamId, 'enterprise')).body.tier).toBe('enterprise');
    expect(await charges(customerId)).toBe(2);
    expect(await planSteps(product, teamId)).toEqual(['1:upgrade', '1:upgrade']);
    expect(await planOutcomes(product, teamId)).toEqual(['enterprise made']);
  });

  test.each([
    ['upgrade', 'pro', 'enterprise', SUBSCRIPTION],
    ['cancel', 'pro', 'free', SUBSCRIPTION],
    ['schedule', 'enterprise', 'pro', SCHEDULES],
    ['phases', 'enterprise', 'pro', SCHEDULE],
  ] as const)(
    'an error that Stripe keeps under the key of `%s`, before or after its effect',
    async (step, from, to, path) => {
      for (const after of [false, true]) {
        const { teamId, customerId } = await subscriber(product, from);
        await fault(path, { kind: 'error', status: 500, stored: true, after });
        expect(await changePlan(product, teamId, to)).toMatchObject(away);
        expect(await changePlan(product, teamId, to)).toMatchObject({ status: 200 });
        expect(await planOutcomes(product, teamId)).toEqual([`${to} made`]);
        const steps = (await planSteps(product, teamId)).filter((taken) => taken.endsWith(step));
        expect(steps).toEqual(after ? [`1:${step}`] : [`1:${step}`, `1:${step}`, `2:${step}`]);
        expect(await charges(customerId)).toBe(step === 'upgrade' ? 2 : 1);
      }
    },
  );

  test.each([false, true])(
    'nor is one in the way of what undoes (after its effect: %s)',
    async (after) => {
      const stored = { kind: 'error', status: 500, stored: true, after };
      const undo = async (teamId: string, plan: string) => {
        expect(await changePlan(product, teamId, plan)).toMatchObject(away);
        const { status, body } = await changePlan(product, teamId, plan);
        expect([status, body]).toMatchObject([200, { cancelAt: null, pendingPlan: null }]);
      };
      const { teamId } = await subscriber(product, 'enterprise');
      await changePlan(product, teamId, 'pro');
      await fault('/release$', stored);
      await undo(teamId, 'enterprise');
      await changePlan(product, teamId, 'free');
      await fault(SUBSCRIPTION, stored);
      await undo(teamId, 'enterprise');

      const team = await subscriber(product);
      await breakCard(product, team);
      expect((await changePlan(product, team.teamId, 'enterprise')).status).toBe(409);
      await fault('/void$', stored);
      await undo(team.teamId, 'pro');
    },
  );

  test('with Stripe away nothing is begun', async () => {
    const { teamId } = await subscriber(product);
    await fault('^/v1/subscriptions$', { kind: 'error', status: 503, method: 'GET' });
    expect(await changePlan(product, teamId, 'enterprise')).toMatchObject(away);
    expect(await planOutcomes(product, teamId)).toEqual([]);
    expect((await timeline(product, teamId)).map(({ kind }) => kind)).not.toContain(
      'plan_change_requested',
    );
  });

  test('what Stripe refuses is 502, and the next request begins anew', async () => {
    const { teamId } = await subscriber(product);
    await fault(SUBSCRIPTION, { kind: 'error', status: 400, times: 2 });
    expect(await changePlan(product, teamId, 'enterprise')).toMatchObject({
      status: 502,
      body: { code: 'stripe_refused' },
    });
    expect((await timeline(product, teamId)).at(-1)?.kind).toBe('plan_change_refused');
    await product.control('DELETE', '/faults');
    expect(await changePlan(product, teamId, 'enterprise')).toMatchObject({ status: 200 });
    expect(await planOutcomes(product, teamId)).toEqual(['enterprise refused', 'enterprise made']);
  });
});
