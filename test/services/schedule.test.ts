import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { periodAt, previousPeriod } from '../../src/domain/period.js';
import { ensureSchedules } from '../../src/schedules.js';
import { createNamespace } from '../support/namespace.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A new namespace runs its first schedule seconds later. */
const PATIENCE = { timeout: 10_000 };

let connection: Connection;
let client: Client;
beforeAll(async () => {
  connection = await Connection.connect({ address: inject('temporalAddress') });
  client = new Client({ connection, namespace: await createNamespace() });
});
afterAll(() => connection?.close());

/** The schedule after a worker has started with these settings. */
async function schedule(BILLING_TIME_ZONE: string, CLOSE_GRACE: number) {
  const settings = { BILLING_TIME_ZONE, CLOSE_GRACE, TEMPORAL_TASK_QUEUE: 'tagih' };
  await ensureSchedules(client, settings);
  return client.schedule.getHandle('monthly-close').describe();
}

test.each([
  ['Asia/Jakarta', 0, 1 * MINUTE],
  ['Asia/Jakarta', 500, 1 * MINUTE],
  ['Asia/Jakarta', 90_000, 2 * MINUTE],
  ['Asia/Jakarta', 6 * HOUR, 6 * HOUR],
  ['Asia/Kathmandu', 36 * HOUR, 36 * HOUR],
  ['UTC', 20 * DAY, 20 * DAY],
  // The clocks change in the night of 1 November 2026, and on the last Sunday of a month.
  ['America/New_York', 6 * HOUR, 6 * HOUR],
  ['Europe/Berlin', 30 * HOUR, 30 * HOUR],
])(
  '%s, a grace of %i ms: each month is closed once, that long after its end (R7)',
  async (zone, grace, after) => {
    const ends = (at: Date) => periodAt(at, zone).start;
    await expect
      .poll(async () => {
        const { spec, info } = await schedule(zone, grace);
        // An update takes a moment to be seen.
        const times = spec.timezone === zone ? info.nextActionTimes : [];
        return times.map((at) => after <= +at - +ends(at) && +at - +ends(at) <= after + HOUR);
      }, PATIENCE)
      .toEqual(Array(10).fill(true));
    const { info } = await schedule(zone, grace);
    const months = info.nextActionTimes.map((at) => previousPeriod(periodAt(at, zone), zone).id);
    expect(new Set(months).size).toBe(10);
  },
);

test('a worker that starts with the same settings leaves it alone: an update drops what was missed', async () => {
  const first = await schedule('UTC', 7 * HOUR);
  const { info } = await schedule('UTC', 7 * HOUR);
  const third = await schedule('UTC', 7 * HOUR);
  expect(third.info.lastUpdatedAt).toEqual(info.lastUpdatedAt);
  expect(first.scheduleId).toBe('monthly-close');
});

test('one that a release of before has made is shown with the details of this one', async () => {
  const handle = client.schedule.getHandle('monthly-close');
  const details = async () => (await handle.describe()).action.staticDetails;
  await schedule('UTC', 7 * HOUR);
  await handle.update(({ action, ...of }) => ({
    ...of,
    action: { ...action, workflowId: 'monthly-close-run', staticDetails: 'as before' },
  }));
  await expect.poll(details, PATIENCE).toBe('as before');
  await expect
    .poll(async () => (await schedule('UTC', 7 * HOUR)).action.staticDetails, PATIENCE)
    .toContain('**You may**');
});

test('paused by an operator it stays paused when the settings change', async () => {
  await client.schedule.getHandle('monthly-close').pause('month end is done by hand');
  await expect.poll(async () => (await schedule('UTC', 8 * HOUR)).state.paused).toBe(true);
  await expect
    .poll(async () => (await schedule('UTC', 9 * HOUR)).spec.calendars?.[0]?.comment)
    .toContain(String(9 * 60));
  expect((await schedule('UTC', 9 * HOUR)).state.paused).toBe(true);
});
