import { createTagih, type TagihOptions } from 'tagih/client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KEY, sharedProduct } from '../support/product.js';
import { freeTeam } from '../support/stories.js';
import { gate, problem, type Stand, startStand } from './stand.js';

const product = sharedProduct();

/** Requests wait in front of it, in the hands of the client. */
let way: ReturnType<typeof gate>;
let stand: Stand;
let teamId: string;
beforeEach(async () => {
  way = gate();
  stand = await startStand(product.url, async (request) => {
    await way.opened;
    return request.forward();
  });
  teamId = await freeTeam(product);
});
afterEach(() => {
  way.open();
  return stand.close();
});

const client = (options: Partial<TagihOptions> = {}) =>
  createTagih({ url: stand.url, apiKey: KEY, ...options });

const usedBy = async () =>
  (await product.api('GET', `/api/v1/teams/${teamId}/usage`)).body.usedTokens;

const isOver = (call: Promise<unknown>) =>
  Promise.race([call.then(() => true), new Promise((resolve) => setImmediate(resolve, false))]);

/** A call that is meant to fail, and whose error is looked at later. */
function failing<T>(call: Promise<T>): Promise<T> {
  call.catch(() => {});
  return call;
}

describe('flush', () => {
  test('resolves when all that was given so far is acknowledged (R10)', async () => {
    const tagih = client();
    await tagih.flush();
    const calls = [
      tagih.track({ teamId, tokens: 1 }),
      tagih.track({ teamId, tokens: 1 }),
      tagih.trackMany(Array(1_200).fill({ teamId, tokens: 1 })),
    ];
    const flushed = tagih.flush();
    await expect.poll(() => stand.received.length).toBe(1);
    expect(await isOver(flushed)).toBe(false);
    way.open();
    await flushed;
    expect(await usedBy()).toBe(1_202);
    await Promise.all(calls);
  });

  test('rejects with all that could not be, once nothing is under way any more', async () => {
    const tagih = client();
    const calls = Promise.allSettled([
      tagih.track({ teamId, tokens: 1 }),
      tagih.track({ teamId, tokens: 0 }),
      tagih.track({ teamId: 'nobody', tokens: 1 }),
      tagih.trackMany([
        { teamId, tokens: 1 },
        { teamId, tokens: -1 },
      ]),
    ]);
    const flushed = failing(tagih.flush());
    way.open();
    const failure: AggregateError = await flushed.then(
      () => expect.fail('it was flushed'),
      (error) => error,
    );
    expect(failure).toBeInstanceOf(AggregateError);
    expect(failure.message).toBe('3 events are not acknowledged.');
    expect(failure.errors.map(({ event }) => event.tokens)).toEqual([0, 1, -1]);
    expect(await usedBy()).toBe(2);
    await calls;
    // They were told of: the next flush is about what came since.
    await tagih.flush();
  });
});

describe('close', () => {
  test('loses nothing that was given, and takes nothing more', async () => {
    const tagih = client();
    const calls = Array.from({ length: 30 }, () => tagih.track({ teamId, tokens: 1 }));
    const closed = tagih.close();
    const refusal = { name: 'TagihError', status: 0, code: 'closed' };
    const event = { teamId, idempotencyKey: 'late', tokens: 1 };
    await expect(tagih.track(event)).rejects.toMatchObject({ ...refusal, event });
    await expect(tagih.trackMany([])).rejects.toMatchObject(refusal);
    await expect(tagih.access(teamId)).rejects.toMatchObject(refusal);
    await expect(tagih.usage(teamId)).rejects.toMatchObject(refusal);
    way.open();
    await closed;
    await tagih.close();
    expect(await usedBy()).toBe(30);
    await Promise.all(calls);
  });

  test('with a signal gives up waiting, not the events', async () => {
    const tagih = client();
    const call = tagih.track({ teamId, tokens: 1 });
    const controller = new AbortController();
    const closed = failing(tagih.close({ signal: controller.signal }));
    controller.abort(new Error('too long'));
    await expect(closed).rejects.toThrow('too long');
    await expect(tagih.flush({ signal: controller.signal })).rejects.toThrow('too long');
    way.open();
    expect(await call).toMatchObject({ result: 'recorded' });
  });
});

describe('an aborted call', () => {
  test('that waits is taken out, and never sent', async () => {
    const tagih = client();
    const controller = new AbortController();
    const { signal } = controller;
    const first = tagih.track({ teamId, tokens: 1 });
    const second = failing(tagih.track({ teamId, tokens: 10 }, { signal }));
    const third = tagih.track({ teamId, tokens: 100 });
    const many = failing(tagih.trackMany(Array(1_500).fill({ teamId, tokens: 7 }), { signal }));
    controller.abort(new Error('changed my mind'));
    await expect(second).rejects.toThrow('changed my mind');
    await expect(many).rejects.toThrow('changed my mind');
    way.open();
    await Promise.all([first, third, tagih.flush()]);
    expect(
      stand
        .sent()
        .flat()
        .map(({ tokens }) => tokens),
    ).toEqual([1, 100]);
    expect(await usedBy()).toBe(101);
  });

  test('that is under way is reported as aborted, and may have been recorded', async () => {
    const tagih = client();
    const controller = new AbortController();
    const event = { teamId, idempotencyKey: 'mine', tokens: 1 };
    const call = failing(tagih.track(event, { signal: controller.signal }));
    await expect.poll(() => stand.received.length).toBe(1);
    controller.abort();
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    way.open();
    expect(await tagih.track(event)).toMatchObject({ result: 'duplicate', usedTokens: 1 });
  });

  test('before it began sends nothing', async () => {
    const tagih = client();
    const signal = AbortSignal.abort(new Error('never'));
    const event = { teamId, tokens: 1 };
    await expect(tagih.track(event, { signal })).rejects.toThrow('never');
    await expect(tagih.trackMany([event], { signal })).rejects.toThrow('never');
    await expect(tagih.access(teamId, { signal })).rejects.toThrow('never');
    await expect(tagih.usage(teamId, { signal })).rejects.toThrow('never');
    expect(stand.received).toEqual([]);
  });

  test('of access ends, under way and between attempts', async () => {
    const underWay = AbortSignal.timeout(200);
    await expect(client().access(teamId, { signal: underWay })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    const busy = await startStand(product.url, async () =>
      problem(503, 'overloaded', { 'retry-after': '30' }),
    );
    const controller = new AbortController();
    const call = failing(
      createTagih({ url: busy.url, apiKey: KEY }).access(teamId, { signal: controller.signal }),
    );
    await expect.poll(() => busy.received.length).toBe(1);
    controller.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    await busy.close();
  });
});

test('beyond the events that may wait a call is refused at once, and told so', async () => {
  const tagih = client({ maxWaiting: 10 });
  const calls = Array.from({ length: 10 }, () => tagih.track({ teamId, tokens: 1 }));
  const event = { teamId, idempotencyKey: 'one too many', tokens: 1 };
  const refusal = { name: 'TagihError', status: 0, code: 'queue_full' };
  await expect(tagih.track(event)).rejects.toMatchObject({ ...refusal, event });
  await expect(tagih.trackMany([event])).rejects.toMatchObject(refusal);
  way.open();
  await Promise.all(calls);
  expect(await tagih.track(event)).toMatchObject({ result: 'recorded', usedTokens: 11 });
});

test('an event is sent as it was when it was given', async () => {
  const tagih = client();
  const first = tagih.track({ teamId, tokens: 1 });
  const event = { teamId, tokens: 2, metadata: { model: 'large' } };
  const second = tagih.track(event);
  event.tokens = 3;
  event.metadata.model = 'small';
  way.open();
  await Promise.all([first, second]);
  expect(stand.sent()[1]?.[0]).toMatchObject({ tokens: 2, metadata: { model: 'large' } });
});
