import { defineConfig } from 'vitest/config';
import suite from '../vitest.config.js';

/** All fates at once, where the suite lives some of them. */
export default defineConfig({
  ...suite,
  test: {
    ...suite.test,
    include: ['year/year.test.ts'],
    maxConcurrency: 20,
    testTimeout: 300_000,
    reporters: ['default'],
  },
});
