import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { ensureSearchAttributes } from '../../src/searchAttributes.js';
import { createNamespace } from '../support/namespace.js';
import { startProduct } from '../support/product.js';

/** With Temporal's own numbers for the types. */
const all = {
  TagihTier: 2,
  TagihStatus: 2,
  TagihAttention: 2,
  TagihCustomer: 2,
  TagihStrike: 3,
  TagihNextActionAt: 6,
};

let connection: Connection;
beforeAll(async () => {
  connection = await Connection.connect({ address: inject('temporalAddress') });
});
afterAll(() => connection?.close());

async function registered(namespace: string) {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return customAttributes;
}

test('a worker that starts registers what teams are searched by, and what is there stays', async () => {
  const product = await startProduct({}, { worker: false });
  try {
    const { TEMPORAL_NAMESPACE: namespace } = product.settings;
    expect(await registered(namespace)).toEqual({});
    await product.startWorker();
    expect(await registered(namespace)).toEqual(all);
    await product.stopWorker();
    await product.startWorker();
    expect(await registered(namespace)).toEqual(all);
  } finally {
    await product.close();
  }
});

test('a namespace from before there were all of them gets those that it lacks', async () => {
  const namespace = await createNamespace();
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: { TagihTier: 2, OfSomebodyElse: 2 },
  });
  await ensureSearchAttributes(connection, namespace);
  expect(await registered(namespace)).toEqual({ ...all, OfSomebodyElse: 2 });
});
