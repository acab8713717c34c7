import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CloseCounts,
  closeProgress,
  closeStages,
  percentOf,
} from '../../src/domain/closeProgress.js';

const BEGUN = Date.parse('2031-02-01T00:00:00Z');
const at = (seconds: number) => new Date(BEGUN + seconds * 1_000);

/** A close of 1,000 teams that came to a stage 100 s after the one before it. */
function runningIn(
  stage: (typeof closeStages)[number],
  counts: Partial<CloseCounts> = {},
): CloseCounts {
  const reached = closeStages.slice(0, closeStages.indexOf(stage) + 1);
  const stages = Object.fromEntries(reached.map((name, i) => [name, at(i * 100).toISOString()]));
  const none = { teams: 1_000, written: 0, toBill: 0, due: 0, failed: 0 };
  return { status: 'running', stages, ...none, ...counts };
}

describe('the progress of a close', () => {
  test('counts the records that are billed, their rate since billing began, and when that ends', () => {
    const counts = runningIn('billing', { written: 1_000, toBill: 400, due: 300 });
    expect(closeProgress(counts, at(550))).toEqual({
      stage: 'billing',
      done: 100,
      total: 400,
      percent: 36.2,
      perSecond: 2,
      expectedEnd: at(700),
    });
  });

  test('counts the records that are written; when the close ends nobody knows yet', () => {
    expect(closeProgress(runningIn('records', { written: 250 }), at(310))).toEqual({
      stage: 'records',
      done: 250,
      total: 1_000,
      percent: 6.7,
      perSecond: 25,
      expectedEnd: null,
    });
  });

  test('tells no rate where nothing is done, and none of a close that has stopped', () => {
    const unknown = { perSecond: null, expectedEnd: null };
    const counts = { toBill: 400, due: 400 };
    expect(closeProgress(runningIn('billing', counts), at(550))).toMatchObject(unknown);
    const stopped = runningIn('billing', { ...counts, due: 100, status: 'failed' });
    expect(closeProgress(stopped, at(550))).toMatchObject({
      ...unknown,
      stage: 'billing',
      percent: 78.7,
    });
  });

  test('is whole when the close is completed, and not before', () => {
    const counts = { toBill: 3, due: 0 };
    expect(closeProgress(runningIn('billing', counts), at(550)).percent).toBe(99.9);
    const completed = runningIn('billing', { ...counts, status: 'completed' });
    expect(closeProgress(completed, at(550))).toMatchObject({ stage: null, done: 3, percent: 100 });
    expect(closeProgress({ ...completed, status: 'running', stages: {} }, at(0)).percent).toBe(0);
  });

  test('never goes back, whatever is done next', () => {
    const steps = fc.array(fc.record({ stage: fc.boolean(), done: fc.nat(40) }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 1_000 }), (steps, toBill) => {
        let [index, written, due, last] = [0, 0, toBill, 0];
        for (const step of steps) {
          const stage = closeStages[index] ?? 'billing';
          if (step.stage) index = Math.min(index + 1, closeStages.length - 1);
          else if (stage === 'records') written = Math.min(1_000, written + step.done);
          else if (stage === 'billing') due = Math.max(0, due - step.done);
          const now = closeStages[index] ?? 'billing';
          const { percent } = closeProgress(runningIn(now, { written, toBill, due }), at(9_999));
          expect(percent).toBeGreaterThanOrEqual(last);
          last = percent;
        }
      }),
    );
  });

  test('a record that is due once more for a moment makes it neither negative nor more than all', () => {
    const { done, percent } = closeProgress(runningIn('billing', { toBill: 2, due: 3 }), at(550));
    expect([done, percent]).toEqual([0, percentOf('billing', 0, 2)]);
  });
});
