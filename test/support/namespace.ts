import { randomUUID } from 'node:crypto';
import { Connection } from '@temporalio/client';
import { inject, vi } from 'vitest';

/** A namespace of one's own on the shared Temporal: ids such as `mailer` are one in each. */
export async function createNamespace(): Promise<string> {
  const namespace = `test-${randomUUID()}`;
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  try {
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
    });
    // The server learns of a namespace a moment after it was registered.
    await vi.waitFor(() => connection.operatorService.listSearchAttributes({ namespace }), {
      timeout: 20_000,
    });
  } finally {
    await connection.close();
  }
  return namespace;
}
