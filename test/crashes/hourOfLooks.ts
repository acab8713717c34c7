import type { WorkflowInterceptors } from '@temporalio/workflow';

export * from '../../workflows/index.js';

/** A close looks for facts 364 times before it goes on without them (R39): the last looks are real, and no timer is. */
const SKIPPED = 360;

export function interceptors(): WorkflowInterceptors {
  let looks = 0;
  return {
    outbound: [
      {
        startTimer: async () => {},
        async scheduleActivity(input, next) {
          if (input.activityType !== 'factsBehind') return next(input);
          looks += 1;
          return looks > SKIPPED ? next(input) : 1;
        },
      },
    ],
  };
}
