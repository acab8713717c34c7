import {
  type Client,
  ScheduleAlreadyRunning,
  type ScheduleOptions,
  ScheduleOverlapPolicy,
} from '@temporalio/client';
import {
  monthlyCloseRunStart,
  reconciliationStart,
  type Start,
  usageRetentionStart,
} from '../workflows/starts.js';
import type { Settings } from './config.js';

const MINUTE = 60_000;

type ScheduleSettings = Pick<Settings, 'BILLING_TIME_ZONE' | 'CLOSE_GRACE' | 'TEMPORAL_TASK_QUEUE'>;

/** What all schedules here have in common. */
type Options = ScheduleOptions & {
  spec: { timezone: string; calendars: { comment: string }[] };
  action: ReturnType<typeof actionOf>;
};

/** Makes the schedules, or brings them up to date with the settings. */
export async function ensureSchedules(client: Client, settings: ScheduleSettings): Promise<void> {
  await ensureSchedule(client, monthlyClose(settings));
  await ensureSchedule(client, usageRetention(settings));
  await ensureSchedule(client, reconciliation(settings));
}

async function ensureSchedule(client: Client, options: Options): Promise<void> {
  try {
    await client.schedule.create(options);
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const handle = client.schedule.getHandle(options.scheduleId);
    const { spec, action } = await handle.describe();
    const isSame =
      spec.timezone === options.spec.timezone &&
      spec.calendars?.[0]?.comment === options.spec.calendars[0]?.comment &&
      action.taskQueue === options.action.taskQueue &&
      action.staticSummary === options.action.staticSummary &&
      action.staticDetails === options.action.staticDetails;
    // An update drops what the schedule has missed and not yet caught up with.
    if (!isSame) await handle.update(({ state }) => ({ ...options, state }));
  }
}

/** Each month, the grace after the month before has ended in the billing time zone. */
function monthlyClose({ BILLING_TIME_ZONE, CLOSE_GRACE, TEMPORAL_TASK_QUEUE }: ScheduleSettings) {
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
    action: actionOf(monthlyCloseRunStart, TEMPORAL_TASK_QUEUE),
  } satisfies ScheduleOptions;
}

/** Each day at three, when little is asked of the ledger. */
const usageRetention = (settings: ScheduleSettings) =>
  daily(settings, {
    scheduleId: 'usage-retention',
    hour: 3,
    start: usageRetentionStart,
  });

/** Each day at four, an hour after the partitions. */
const reconciliation = (settings: ScheduleSettings) =>
  daily(settings, {
    scheduleId: 'reconciliation',
    hour: 4,
    start: reconciliationStart,
  });

interface Daily {
  scheduleId: string;
  /** In the billing time zone. */
  hour: number;
  start: Start;
}

function daily(
  { BILLING_TIME_ZONE, TEMPORAL_TASK_QUEUE }: ScheduleSettings,
  { scheduleId, hour, start }: Daily,
) {
  return {
    scheduleId,
    spec: {
      timezone: BILLING_TIME_ZONE,
      calendars: [{ hour, comment: 'each day' }],
    },
    policies: { overlap: ScheduleOverlapPolicy.SKIP },
    action: actionOf(start, TEMPORAL_TASK_QUEUE),
  } satisfies ScheduleOptions;
}

const actionOf = ({ type, options }: Start, taskQueue: string) => ({
  type: 'startWorkflow' as const,
  workflowType: type,
  taskQueue,
  ...options,
});
