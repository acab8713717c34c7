import type { Client } from '@temporalio/client';

/** Temporal can't be reached; nothing was done. */
export class TemporalUnavailable extends Error {
  override name = 'TemporalUnavailable';
}

/** Asked before anything is, so that «away» means that nothing was done. Throws `TemporalUnavailable`. */
export async function requireTemporal({ connection }: Client): Promise<void> {
  try {
    await connection.withDeadline(Date.now() + 1_000, () =>
      connection.workflowService.getSystemInfo({}),
    );
  } catch (error) {
    throw new TemporalUnavailable('Temporal is away; nothing was done.', { cause: error });
  }
}
