import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Vitest starts with the largest files while it knows no times, as in a fresh clone: these are small, and take long. */
const slow = /scenarios\/year|bench\/usage/;

class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isSlow = ({ moduleId }: TestSpecification) => slow.test(moduleId);
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))];
  }
}

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
    sequence: { sequencer: SlowFirst },
    // A busy machine is slow, not wrong: what never comes fails all the same.
    expect: { poll: { timeout: 15_000 } },
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
