import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { ledgerOf } from '../support/ledger.js';
import { type Answer, KEY, sharedProduct } from '../support/product.js';
import { send } from '../support/send.js';
import { freeTeam } from '../support/stories.js';

const product = sharedProduct({}, { worker: false });
let teamId: string;
beforeAll(async () => {
  teamId = await freeTeam(product);
});

const DAY = 86_400_000;
const fromNow = (ms: number) => new Date(Date.now() + ms).toISOString();

/** An event without fault, but for what is given. */
const event = (faults: object = {}) => ({ teamId, idempotencyKey: 'k', tokens: 5, ...faults });

const post = (body: string | Buffer<ArrayBuffer>, headers: Record<string, string> = {}) =>
  send(`${product.url}/api/v1/usage`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', ...headers },
    body,
  });

/** The answer is a problem with this status and code, and the ledger is as it was. */
async function refused(
  request: () => Promise<Answer>,
  status: number,
  code: string,
): Promise<{ path: string; message: string }[]> {
  const before = await ledgerOf(product);
  const answer = await request();
  expect(answer).toMatchObject({ status, body: { title: expect.any(String), status, code } });
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(answer.body.detail).toMatch(/\.$/);
  expect(await ledgerOf(product)).toEqual(before);
  return answer.body.errors;
}

/** A bad field is named, with what it must be. */
async function refusesField(faults: object, path: string, message: RegExp): Promise<void> {
  const body = JSON.stringify(event(faults));
  const errors = await refused(() => post(body), 400, 'invalid_request');
  expect(errors).toContainEqual({ path, message: expect.stringMatching(message) });
  expect(new Set(errors.map((error) => error.path))).toEqual(new Set([path]));
}

describe('tokens', () => {
  test.each([
    [0, /at least 1/],
    [-5, /at least 1/],
    [0.5, /whole number/],
    [1e300, /whole number/],
    [1_000_000_001, /at most 1,000,000,000/],
    ['5', /whole number/],
    [[5], /whole number/],
    [null, /whole number/],
    [true, /whole number/],
    [undefined, /whole number/],
  ])('%j is refused', (tokens, message) => refusesField({ tokens }, 'tokens', message));
});

describe('idempotencyKey', () => {
  test.each([
    ['none', undefined, /expected string/],
    ['a number', 5, /expected string/],
    ['an empty one', '', /printable/],
    ['10 kB', 'k'.repeat(10_000), /printable/],
    ['256 characters', 'k'.repeat(256), /printable/],
    ['a line break', 'k\n', /printable/],
    ['a NUL', 'k\u0000', /printable/],
    ['half a character', 'k\ud800', /printable/],
    ['a mark that turns the direction of writing', 'k\u202e', /printable/],
  ])('%s is refused', (_, idempotencyKey, message) =>
    refusesField({ idempotencyKey }, 'idempotencyKey', message),
  );

  test('255 characters of any script are one', async () => {
    const idempotencyKey = '🚀'.repeat(255);
    const { status, body } = await post(JSON.stringify(event({ idempotencyKey })));
    expect({ status, result: body.result }).toEqual({ status: 200, result: 'recorded' });
  });
});

describe('occurredAt', () => {
  test.each([
    ['no zone', '2026-11-01T00:00:00', /offset or Z/],
    ['a date alone', '2026-11-01', /offset or Z/],
    ['no such day', '2026-02-30T00:00:00Z', /offset or Z/],
    ['a number', 1_790_000_000, /offset or Z/],
    ['6 minutes ahead', fromNow(6 * 60_000), /5 minutes in the future/],
    ['14 months ago', fromNow(-430 * DAY), /13 months/],
  ])('%s is refused', (_, occurredAt, message) =>
    refusesField({ occurredAt }, 'occurredAt', message),
  );

  test.each([
    ['4 minutes ahead', 4 * 60_000],
    ['13 months ago', -394 * DAY],
  ])('%s is taken', async (name, ms) => {
    const body = JSON.stringify(event({ idempotencyKey: name, occurredAt: fromNow(ms) }));
    expect((await post(body)).status).toBe(200);
  });
});

describe('metadata', () => {
  const entries = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`key${index}`, 'x']));

  test.each([
    ['21 keys', entries(21), 'metadata', /at most 20 keys/],
    [
      'a key of 41 characters',
      { [`k${'x'.repeat(40)}`]: '' },
      `metadata.k${'x'.repeat(40)}`,
      /A-Z/,
    ],
    ['a key with a blank', { 'a b': '' }, 'metadata.a b', /A-Z/],
    ['a value of 201 characters', { model: 'x'.repeat(201) }, 'metadata.model', /at most 200/],
    ['a value with a NUL', { model: '\u0000' }, 'metadata.model', /without NUL/],
    ['a value with half a character', { model: '\ud800' }, 'metadata.model', /whole characters/],
    ['a number', { model: 5 }, 'metadata.model', /string/],
    ['a list', ['large'], 'metadata', /expected record/],
  ])('%s is refused', (_, metadata, path, message) => refusesField({ metadata }, path, message));

  test('20 keys with 200 characters each are taken', async () => {
    const metadata = Object.fromEntries(
      Object.keys(entries(20)).map((key) => [key.padEnd(40, '_'), '🚀'.repeat(100)]),
    );
    const body = JSON.stringify(event({ idempotencyKey: 'largest', metadata }));
    expect((await post(body)).status).toBe(200);
  });
});

describe('the body', () => {
  test('every bad field is named, unknown ones too', async () => {
    const body = JSON.stringify(event({ tokens: 0, token: 5, amount: 1, idempotencyKey: '' }));
    const errors = await refused(() => post(body), 400, 'invalid_request');
    const named = errors.map(({ path }) => path).toSorted();
    expect(named).toEqual(['amount', 'idempotencyKey', 'token', 'tokens']);
  });

  test.each([
    ['NaN', '{"tokens": NaN}'],
    ['half an object', '{"teamId": "a"'],
    ['a text', '"usage"'],
  ])('%s is malformed', async (_, body) => {
    await refused(() => post(body), 400, 'malformed_json');
  });

  test.each([
    ['nothing', ''],
    ['a list', '[{}]'],
  ])('%s is no event', async (_, body) => {
    await refused(() => post(body), 400, 'invalid_request');
  });

  test.each([
    ['text/plain', 'unsupported_media_type'],
    ['application/x-www-form-urlencoded', 'unsupported_media_type'],
    ['application/json-patch+json', 'unsupported_media_type'],
    ['application/json; charset=latin1', 'unsupported_encoding'],
  ])('%s is not read', async (type, code) => {
    await refused(() => post(JSON.stringify(event()), { 'content-type': type }), 415, code);
  });

  test('a packing that nobody knows is not read', async () => {
    const packed = { 'content-encoding': 'compress' };
    await refused(() => post(JSON.stringify(event()), packed), 415, 'unsupported_encoding');
  });

  test('2 MB are too many, packed or not', async () => {
    const large = JSON.stringify(event({ metadata: { model: 'x'.repeat(2 * 1024 * 1024) } }));
    await refused(() => post(large), 413, 'body_too_large');
    const packed = { 'content-encoding': 'gzip' };
    await refused(() => post(gzipSync(large), packed), 413, 'body_too_large');
  });

  test('gzip is unpacked, and what is no gzip is refused', async () => {
    const packed = { 'content-encoding': 'gzip' };
    const body = JSON.stringify(event({ idempotencyKey: 'packed' }));
    expect((await post(gzipSync(body), packed)).status).toBe(200);
    await refused(() => post(body, packed), 400, 'malformed_encoding');
  });

  test('one that ends too early records nothing', async () => {
    const before = await ledgerOf(product);
    const body = JSON.stringify(event({ idempotencyKey: 'truncated' }));
    const answer = await sendRaw(
      `POST /api/v1/usage HTTP/1.1\r\nhost: tagih\r\nauthorization: Bearer ${KEY}\r\n` +
        `content-type: application/json\r\ncontent-length: ${body.length + 10}\r\n\r\n${body}`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(await ledgerOf(product)).toEqual(before);
  });
});

test('an unknown query parameter is refused', async () => {
  const before = await ledgerOf(product);
  const answer = await product.api('POST', '/api/v1/usage?dry=1', event());
  expect(answer).toMatchObject({
    status: 400,
    body: { errors: [{ path: 'dry', message: 'is unknown' }] },
  });
  expect(await ledgerOf(product)).toEqual(before);
});

test('usage of a team that nobody knows is refused', async () => {
  const body = JSON.stringify(event({ teamId: 'nobody' }));
  await refused(() => post(body), 404, 'unknown_team');
});

test.each(['', 'a b', '../a', 'ä', 'x'.repeat(65), 'a\u0000'])('%j is no teamId', (teamId) =>
  refusesField({ teamId }, 'teamId', /1 to 64/),
);

/** Sends bytes, says that there are no more, and gives back what is answered. */
function sendRaw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(product.url);
    const socket = connect(Number(port), hostname, () => socket.end(bytes));
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk) => {
      answer += chunk;
    });
    socket.once('error', reject).once('close', () => resolve(answer));
  });
}
