import { randomUUID } from 'node:crypto';
import { Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { inject, vi } from 'vitest';
import { searchAttributes } from '../../workflows/searchAttributes.js';

const { IndexedValueType } = temporal.api.enums.v1;

const types = {
  KEYWORD: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
  INT: IndexedValueType.INDEXED_VALUE_TYPE_INT,
  DATETIME: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
};

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
    await vi.waitFor(
      () =>
        connection.operatorService.addSearchAttributes({
          namespace,
          searchAttributes: Object.fromEntries(
            Object.entries(searchAttributes).map(([name, type]) => [name, types[type]]),
          ),
        }),
      { timeout: 20_000 },
    );
  } finally {
    await connection.close();
  }
  return namespace;
}
