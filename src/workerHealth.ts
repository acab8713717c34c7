// The health check of a worker's container. A worker that lives but no longer asks for work is of no
// use, and only Temporal knows: it exits with 0 when Temporal was asked from this machine lately.
import { hostname } from 'node:os';
import { Connection } from '@temporalio/client';
import { environment, readSettings } from './config.js';
import { temporalConnection } from './temporal.js';

/** A worker waits up to a minute for an answer before it asks again. */
const LATELY_MS = 120_000;

const settings = readSettings(environment());
const connection = await Connection.connect(temporalConnection(settings));
const { pollers } = await connection.workflowService.describeTaskQueue({
  namespace: settings.TEMPORAL_NAMESPACE,
  taskQueue: { name: settings.TEMPORAL_TASK_QUEUE },
  taskQueueType: 1,
});
await connection.close();
const asked = pollers.some(
  ({ identity, lastAccessTime }) =>
    identity?.endsWith(`@${hostname()}`) &&
    Number(lastAccessTime?.seconds ?? 0) * 1000 > Date.now() - LATELY_MS,
);
if (!asked) {
  process.stderr.write('Temporal has not heard from this worker for two minutes.\n');
  process.exitCode = 1;
}
