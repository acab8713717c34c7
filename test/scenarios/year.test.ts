import { afterAll, describe, expect, test, vi } from 'vitest';
import { fates } from '../../year/fates.js';
import { live, START } from '../../year/live.js';
import type { Fate } from '../../year/model/fate.js';
import { yearOf } from '../../year/model/year.js';
import { observe } from '../../year/observed.js';
import { sharedProduct } from '../support/product.js';

// As the product comes: three days, then five.
const product = sharedProduct({ DUNNING_INTERVALS: undefined });

/** One of each kind; `npm run year` lives them all. */
const some = [
  'fails once each quarter',
  'is locked for months, and owes several invoices',
  'confirms too late',
  'upgrades, and pays for it later',
  'cancels, and comes back on another plan',
  'is helped by operators',
].map(fateOf);

vi.setConfig({ maxConcurrency: some.length, testTimeout: 60_000 });
afterAll(() => vi.resetConfig());

describe.concurrent('R22 to R31: what a model says is left behind by the year of a team that', () => {
  test.each(some)('$name', async (fate) => {
    const customer = await live(product, fate);
    expect(await observe(product, customer)).toEqual(yearOf(fate, START));
  });
});

function fateOf(wanted: string): Fate {
  const fate = fates.find(({ name }) => name === wanted);
  if (fate === undefined) throw new Error(`no fate is called ${wanted}`);
  return fate;
}
