import { afterEach, describe, expect, test } from 'vitest';
import type { Scope } from '../../src/db/apiKeys.js';
import { createApiKey } from '../../src/services/apiKeys.js';
import { sharedProduct, startProduct } from '../support/product.js';
import {
  breakCard,
  changePlan,
  customerTeam,
  freeTeam,
  planOutcomes,
  planSteps,
  subscriber,
  timeline,
} from '../support/stories.js';

const product = sharedProduct();
afterEach(() => product.control('DELETE', '/faults'));

describe('what is asked for', () => {
  test('must be a plan, of a team that there is', async () => {
    const { teamId } = await subscriber(product);
    for (const body of [{}, { plan: 'gold' }, { plan: null }, { plan: 'pro', at: 'now' }]) {
      const answer = await product.api('POST', `/api/v1/teams/${teamId}/plan`, body);
      expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    }
    expect(await changePlan(product, 'nobody', 'pro')).toMatchObject({
      status: 404,
      body: { code: 'unknown_team' },
    });
  });

  test('needs the scope, and a key that is not bound to another team', async () => {
    const { teamId } = await subscriber(product);
    const path = `/api/v1/teams/${teamId}/plan`;
    const keyOf = async (scope: Scope, team: string | null) =>
      (await createApiKey(product.pool, { name: 'host', scopes: [scope], teamId: team })).key;
    const reads = await keyOf('teams:read', null);
    expect(await product.api('POST', path, { plan: 'free' }, reads)).toMatchObject({ status: 403 });
    const bound = await keyOf('teams:write', await freeTeam(product));
    for (const other of [path, '/api/v1/teams/nobody/plan']) {
      expect(await product.api('POST', other, { plan: 'free' }, bound)).toMatchObject({
        status: 403,
        body: { code: 'forbidden_team' },
      });
    }
    const own = await keyOf('teams:write', teamId);
    expect(await product.api('POST', path, { plan: 'free' }, own)).toMatchObject({ status: 200 });
    expect(await timeline(product, teamId)).toContainEqual(
      expect.objectContaining({ kind: 'plan_change_requested', actor: 'host' }),
    );
  });

  test('can be had by a subscribed team alone', async () => {
    const { teamId, customerId } = await customerTeam(product);
    const refused = { status: 409, body: { code: 'not_subscribed' } };
    for (const plan of ['free', 'pro'])
      expect(await changePlan(product, await freeTeam(product), plan)).toMatchObject(refused);
    expect(await changePlan(product, teamId, 'pro')).toMatchObject(refused);
    await breakCard(product, { customerId });
    await product.stripe.subscriptions.create({
      customer: customerId,
      items: [{ price: 'price_sandbox_pro' }],
      payment_behavior: 'allow_incomplete',
    });
    expect(await changePlan(product, teamId, 'enterprise')).toMatchObject(refused);
    expect(await planOutcomes(product, teamId)).toEqual([]);
  });

  test('is known from Stripe, also before its webhooks arrive', async () => {
    const { teamId, customerId } = await customerTeam(product);
    await product.control('POST', '/webhooks', { paused: true });
    await product.stripe.subscriptions.create({
      customer: customerId,
      items: [{ price: 'price_sandbox_pro' }],
    });
    expect(await changePlan(product, teamId, 'enterprise')).toMatchObject({
      status: 200,
      body: { tier: 'enterprise', stripeCustomerId: customerId },
    });
    await product.control('POST', '/webhooks', { paused: false });
  });

  test('R37: has no answer where a price is sold that no plan knows', async () => {
    const { teamId, customerId } = await customerTeam(product);
    const { id: price } = await product.stripe.prices.create({
      currency: 'idr',
      unit_amount: 100_000,
      recurring: { interval: 'month' },
      product_data: { name: 'Gold' },
    });
    await product.stripe.subscriptions.create({ customer: customerId, items: [{ price }] });
    for (const plan of ['free', 'pro', 'enterprise']) {
      expect(await changePlan(product, teamId, plan)).toMatchObject({
        status: 409,
        body: { code: 'unknown_price', detail: `R37: no plan has the price ${price}.` },
      });
    }
  });
});

describe('one change of a team at a time', () => {
  test('of two requests at once for the same plan one is charged', async () => {
    const team = await subscriber(product);
    const both = await Promise.all([
      changePlan(product, team.teamId, 'enterprise'),
      changePlan(product, team.teamId, 'enterprise'),
    ]);
    const said = both.map(({ status, body }) => body.code ?? status).toSorted();
    expect([
      [200, 200],
      [200, 'plan_change_under_way'],
    ]).toContainEqual(said);
    expect((await product.stripe.charges.list({ customer: team.customerId })).data).toHaveLength(2);
    expect(await planSteps(product, team.teamId)).toEqual(['1:upgrade']);
  });

  test('another is told so while one is at work, and takes its place when it was left half made', async () => {
    const { teamId } = await subscriber(product, 'enterprise');
    await product.control('POST', '/faults', {
      method: 'POST',
      path: '^/v1/subscription_schedules/\\w+$',
      times: 1,
      kind: 'error',
      status: 503,
    });
    expect(await changePlan(product, teamId, 'pro')).toMatchObject({ status: 503 });
    const leaseFor = (seconds: number) =>
      product.pool.query(
        `update tagih.plan_changes set leased_until = now() + make_interval(secs => $2)
          where team_id = $1`,
        [teamId, seconds],
      );
    await leaseFor(60);
    for (const plan of ['pro', 'free']) {
      const other = await changePlan(product, teamId, plan);
      expect(other).toMatchObject({ status: 409, body: { code: 'plan_change_under_way' } });
      expect(other.headers.get('retry-after')).toBe('1');
    }
    await leaseFor(0);
    const { body } = await changePlan(product, teamId, 'free');
    expect(body).toMatchObject({ pendingPlan: null, cancelAt: body.currentPeriodEnd });
    expect(await planOutcomes(product, teamId)).toEqual(['pro abandoned', 'free made']);
  });
});

test("with Temporal's workers away the answer has Stripe's word", async () => {
  const alone = await startProduct({}, { worker: false });
  try {
    const { teamId, customerId } = await customerTeam(alone);
    const { id } = await alone.stripe.subscriptions.create({
      customer: customerId,
      items: [{ price: 'price_sandbox_enterprise' }],
    });
    const { status, body } = await changePlan(alone, teamId, 'pro');
    expect([status, body]).toMatchObject([
      200,
      {
        tier: 'enterprise',
        subscriptionStatus: 'active',
        stripeSubscriptionId: id,
        pendingPlan: { plan: 'pro', at: body.currentPeriodEnd },
      },
    ]);
  } finally {
    await alone.close();
  }
});
