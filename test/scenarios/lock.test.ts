import { expect, test } from 'vitest';
import { sharedProduct } from '../support/product.js';
import { breakCard, fixCard, renew, subscriber } from '../support/stories.js';

const product = sharedProduct();

test('three failed payments lock the team, each with its mail, and a new card opens it (R22, R24)', async () => {
  const team = await subscriber(product);
  await breakCard(product, team);
  await renew(product, team);

  await product.until(team.teamId, ({ subscriptionStatus, dunning, access }) => {
    expect(subscriptionStatus).toBe('unpaid');
    expect(dunning).toMatchObject({ strike: 3, nextAttemptAt: null });
    expect(access).toMatchObject({ dashboard: 'locked', ai: 'locked', allowed: false });
  });
  await fixCard(product, team);
  await product.until(team.teamId, ({ subscriptionStatus, dunning, access }) => {
    expect(subscriptionStatus).toBe('active');
    expect(dunning).toBeNull();
    expect(access).toMatchObject({ dashboard: 'open', ai: 'full', allowed: true });
  });

  await expect
    .poll(async () => (await product.mails(team.teamId)).map(({ tag }) => tag))
    .toEqual(['payment-warning', 'payment-critical', 'account-locked', 'payment-recovered']);
});
