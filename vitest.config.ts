import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The client as it is, not as it was when it was last built.
  resolve: { tsconfigPaths: true },
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    globalSetup: ['test/support/globalSetup.ts'],
    // Threads crash the native part of Temporal's SDK.
    pool: 'forks',
    // One more than the two cores that this is measured on, for a test waits as often as it works.
    maxWorkers: 3,
    // No file leaves anything behind in its process, and loading Temporal's SDK anew takes a second each time.
    isolate: false,
    // A busy machine is slow, not wrong: what never comes fails all the same.
    expect: { poll: { timeout: 15_000 } },
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
