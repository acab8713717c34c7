import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Client } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { choosePorts, isListening } from '../../src/dev/ports.js';
import { postgresUrl, startPostgres } from '../../src/dev/postgres.js';
import { temporaryFolder } from './temporaryFolder.js';

const folder = temporaryFolder();
const password = 'a-password-to-look-for';

async function start() {
  const { port } = await choosePorts({ port: 30_000 + (process.pid % 2_000) });
  const postgres = await startPostgres({
    dataDir: join(folder, 'postgres'),
    port,
    password,
    durable: false,
    logFile: join(folder, 'postgres.log'),
  });
  onTestFinished(() => postgres.stop());
  return postgres;
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

test('data is there again after a stop and a start', async () => {
  const first = await start();
  await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS seven');
  await first.stop();
  expect(await isListening(first.port)).toBe(false);

  const second = await start();
  expect(await query(second.url, 'SELECT seven FROM kept')).toEqual([{ seven: 7 }]);
});

test('it asks for the password, which is written nowhere', async () => {
  const { port } = await start();
  await expect(query(postgresUrl('wrong', port), 'SELECT 1')).rejects.toThrow('password');
  expect(() => execFileSync('grep', ['-rlF', password, folder])).toThrow();
});

test('one that still runs on the data is taken over, with the port that it has', async () => {
  const left = await start();
  const taken = await start();
  expect(taken).toMatchObject({ pid: left.pid, port: left.port });
  expect(await query(taken.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);

  await taken.stop();
  await left.exited;
  expect(await isListening(left.port)).toBe(false);
});
