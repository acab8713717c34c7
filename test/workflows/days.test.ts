import { expect, test } from 'vitest';
import { sharedProduct } from '../support/product.js';
import { attempts, fixCard, sent, settled, unpaid } from '../support/stories.js';
import { passTime } from '../support/timeSkipping.js';

const DAY = 86_400_000;

// As the product comes: three days, then five.
const product = sharedProduct({ DUNNING_INTERVALS: undefined });

test('R24: three days to the second attempt, five more to the third', async () => {
  const team = await unpaid(product);
  const pass = (days: number) => passTime(product.temporal, `subscription:${team.teamId}`, days);
  const { ladders } = await settled(product, team.teamId);
  const since = Date.parse(ladders[0]?.since ?? '');
  const { body } = await product.api('GET', `/api/v1/teams/${team.teamId}`);
  expect(body.dunning).toMatchObject({
    strike: 1,
    nextAttemptAt: new Date(since + 3 * DAY).toISOString(),
  });

  await pass(2.9);
  expect(await attempts(product, team.invoiceId)).toHaveLength(0);
  await pass(0.1);
  await product.until(team.teamId, ({ dunning }) => expect(dunning.strike).toBe(2));
  expect(await attempts(product, team.invoiceId)).toHaveLength(1);
  const second = await settled(product, team.teamId);
  const due = Date.parse(second.ladders[0]?.timer?.at ?? '');
  expect(due).toBeGreaterThanOrEqual(since + 8 * DAY);
  expect(due).toBeLessThan(since + 8 * DAY + 60_000);

  await pass(4.9);
  expect(await attempts(product, team.invoiceId)).toHaveLength(1);
  await pass(0.2);
  await product.until(team.teamId, ({ dunning }) => {
    expect(dunning).toMatchObject({ strike: 3, nextAttemptAt: null });
  });

  // Locked it stays, for as long as nothing happens.
  await pass(300);
  expect(await attempts(product, team.invoiceId)).toHaveLength(2);
  await fixCard(product, team);
  await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
  await settled(product, team.teamId);
  expect(await sent(product, team.teamId)).toEqual([
    'payment-warning',
    'payment-critical',
    'account-locked',
    'payment-recovered',
  ]);
});
