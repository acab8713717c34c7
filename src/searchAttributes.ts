import type { Connection } from '@temporalio/client';
import { searchAttributes } from '../workflows/searchAttributes.js';

/** Temporal's own numbers for the types (temporal.api.enums.v1.IndexedValueType). */
const TYPES = { KEYWORD: 2, INT: 3, DATETIME: 6 };

/** Registers what operators search by, where the namespace lacks it: without it no workflow could start. */
export async function ensureSearchAttributes(
  { operatorService }: Pick<Connection, 'operatorService'>,
  namespace: string,
): Promise<void> {
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  const missing = Object.entries(searchAttributes).filter(
    ([name]) => customAttributes[name] === undefined,
  );
  if (missing.length === 0) return;
  await operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(missing.map(([name, type]) => [name, TYPES[type]])),
  });
}
