import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { choosePorts } from '../../src/dev/ports.js';

test('a port that is taken is replaced by one that is free, and no two parts get the same', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const taken = (other.address() as AddressInfo).port;

  const ports = await choosePorts({ server: taken, sandbox: taken });

  expect(ports.server).toBeGreaterThan(taken);
  expect(ports.sandbox).toBeGreaterThan(ports.server);
  other.close();
});
