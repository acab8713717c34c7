import { afterAll, describe, expect, test } from 'vitest';
import { historiesOf, historyName, recordPacked } from '../test/support/histories.js';
import { sharedProduct } from '../test/support/product.js';
import { fates } from './fates.js';
import { live, START } from './live.js';
import { yearOf } from './model/year.js';
import { observe } from './observed.js';
import { type Lived, table } from './report.js';

// As the product comes: three days, then five.
const product = sharedProduct({ DUNNING_INTERVALS: undefined });

const years: Lived[] = [];
afterAll(() => {
  const inOrder = fates.flatMap((fate) => years.filter((year) => year.fate === fate));
  process.stdout.write(`\n${table(inOrder)}\n`);
});

describe.concurrent('a year of a team that', () => {
  test.each(fates)('$name', async (fate) => {
    const began = performance.now();
    const customer = await live(product, fate);
    const year = await observe(product, customer);
    const histories = await historiesOf(product.temporal, `subscription:${customer.teamId}`);
    recordPacked(historyName(fate.name), histories);
    const seconds = (performance.now() - began) / 1_000;
    years.push({ fate, year, runs: histories.length, seconds });
    expect(year).toEqual(yearOf(fate, START));
  });
});
