import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Instant } from '../../src/domain/instant.js';
import { sharedProduct } from '../support/product.js';
import {
  breakCard,
  changePlan,
  fixCard,
  patiently,
  planOutcomes,
  settled,
  subscriber,
} from '../support/stories.js';

const product = sharedProduct();

const plans = ['free', 'pro', 'enterprise'] as const;

/** What happens around the wishes of a host. */
const happenings = fc.oneof(
  { weight: 3, arbitrary: fc.record({ wish: fc.constantFrom(...plans) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      fault: fc.constantFrom(
        { kind: 'error', status: 503 },
        { kind: 'error', status: 500, stored: true },
        { kind: 'error', status: 500, stored: true, after: true },
        { kind: 'reset', after: true, times: 2 },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ card: fc.constantFrom('breaks', 'is good', 'pays') }) },
);

/** What is true of a subscription on one of the plans when this was wished for last. */
const ends = (plan: string, wish: string, at: Instant) => ({
  cancelAt: wish === 'free' ? at : null,
  pendingPlan: wish === 'pro' && plan === 'enterprise' ? { plan: 'pro', at } : null,
});

test('whatever fails on the way, a wish that is answered is true, and an upgrade is paid once (R35)', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('pro' as const, 'enterprise' as const),
      fc.array(happenings, { minLength: 3, maxLength: 8 }),
      fc.constantFrom(...plans),
      async (first, story, last) => {
        const team = await subscriber(product, first);
        const { customerId: customer, subscriptionId: subscription, teamId } = team;
        const upgrades = async () =>
          (await product.stripe.invoices.list({ subscription, limit: 100 })).data.filter(
            ({ billing_reason }) => billing_reason === 'subscription_update',
          );
        const ask = async (wish: (typeof plans)[number]) => {
          const { status, body } = await changePlan(product, teamId, wish);
          if (status === 200)
            expect(body).toMatchObject(ends(body.tier, wish, body.currentPeriodEnd));
          else expect(['stripe_unavailable', 'payment_required']).toContain(body.code);
          return { status, body };
        };
        for (const happening of story) {
          if ('wish' in happening) await ask(happening.wish);
          else if ('fault' in happening) {
            const path = '^/v1/(subscription|invoices/\\w+/void)';
            const fault = { times: 1, method: 'POST', path, ...happening.fault };
            await product.control('POST', '/faults', fault);
          } else if (happening.card === 'breaks') await breakCard(product, team);
          else {
            await fixCard(product, team);
            if (happening.card !== 'pays') continue;
            const [open] = (await upgrades()).filter(({ status }) => status === 'open');
            if (open !== undefined) await product.stripe.invoices.pay(open.id);
          }
        }
        await product.control('DELETE', '/faults');
        await fixCard(product, team);
        let answer = await ask(last);
        if (answer.body.code === 'payment_required') {
          const [open] = (await upgrades()).filter(({ status }) => status === 'open');
          await product.stripe.invoices.pay(open?.id ?? '');
          answer = await ask(last);
        }
        expect(answer.status).toBe(200);
        await settled(product, teamId);
        const { body } = await product.api('GET', `/api/v1/teams/${teamId}`);
        expect(body).toMatchObject({
          tier: answer.body.tier,
          ...ends(answer.body.tier, last, body.currentPeriodEnd),
        });
        const paid = (await upgrades()).filter(({ status }) => status === 'paid');
        expect(paid).toHaveLength(first === 'pro' && body.tier === 'enterprise' ? 1 : 0);
        const charges = (await product.stripe.charges.list({ customer, limit: 100 })).data;
        expect(charges.filter((charge) => charge.paid)).toHaveLength(1 + paid.length);
        await expect.poll(() => planOutcomes(product, teamId), patiently).not.toContain('open');
      },
    ),
    { numRuns: 12, interruptAfterTimeLimit: 60_000 },
  );
}, 90_000);
