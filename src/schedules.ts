import {
  type Client,
  ScheduleAlreadyRunning,
  type ScheduleOptions,
  ScheduleOverlapPolicy,
} from '@temporalio/client';
import type { Settings } from './config.js';

const MINUTE = 60_000;

/** Makes the schedule of the monthly close, or brings it up to date with the settings. */
export async function ensureMonthlyClose(
  client: Client,
  settings: Pick<Settings, 'BILLING_TIME_ZONE' | 'CLOSE_GRACE' | 'TEMPORAL_TASK_QUEUE'>,
): Promise<void> {
  const options = monthlyClose(settings);
  try {
    await client.schedule.create(options);
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const handle = client.schedule.getHandle(options.scheduleId);
    const { spec, action } = await handle.describe();
    const [comment] = options.spec.calendars.map((calendar) => calendar.comment);
    const isSame =
      spec.timezone === options.spec.timezone &&
      spec.calendars?.[0]?.comment === comment &&
      action.taskQueue === options.action.taskQueue;
    // An update drops what the schedule has missed and not yet caught up with.
    if (!isSame) await handle.update(({ state }) => ({ ...options, state }));
  }
}

/** Each month, the grace after the month before has ended in the billing time zone. */
function monthlyClose({
  BILLING_TIME_ZONE,
  CLOSE_GRACE,
  TEMPORAL_TASK_QUEUE,
}: Pick<Settings, 'BILLING_TIME_ZONE' | 'CLOSE_GRACE' | 'TEMPORAL_TASK_QUEUE'>) {
  // A seal comes at least a minute after the end (R38).
  const minutes = Math.max(1, Math.ceil(CLOSE_GRACE / MINUTE));
  return {
    scheduleId: 'monthly-close',
    spec: {
      timezone: BILLING_TIME_ZONE,
      calendars: [
        {
          dayOfMonth: 1 + Math.floor(minutes / (24 * 60)),
          hour: Math.floor(minutes / 60) % 24,
          minute: minutes % 60,
          // Whether a schedule is up to date is seen by it: another rule takes another comment.
          comment: `${minutes} minutes after the end of the month`,
        },
      ],
    },
    policies: {
      overlap: ScheduleOverlapPolicy.ALLOW_ALL,
      // A month that was missed, the worker being down, is closed when it is up again.
      catchupWindow: '365d',
    },
    action: {
      type: 'startWorkflow',
      workflowId: 'monthly-close-run',
      workflowType: 'monthlyCloseRun',
      taskQueue: TEMPORAL_TASK_QUEUE,
      args: [],
      staticSummary: 'Starts the close of the month that ended',
    },
  } satisfies ScheduleOptions;
}
