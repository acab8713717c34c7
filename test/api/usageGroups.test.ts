import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { dayOf, monthsAgo } from '../support/months.js';
import { type Answer, sharedProduct } from '../support/product.js';
import { freeTeam } from '../support/stories.js';

const open = monthsAgo(0);
const last = monthsAgo(1);

const product = sharedProduct({ USAGE_GROUP_KEYS: 'model,region' }, { worker: false });

const event = (teamId: string, tokens: number, metadata: object, more: object = {}) => ({
  teamId,
  idempotencyKey: randomUUID(),
  tokens,
  metadata,
  ...more,
});

const record = (...given: Parameters<typeof event>) =>
  product.api('POST', '/api/v1/usage', event(...given));

const batch = (events: object[]) => product.api('POST', '/api/v1/usage/batch', { events });

const usageBy = async (teamId: string, key: string, period = open.id): Promise<Answer['body']> => {
  const path = `/api/v1/teams/${teamId}/usage?period=${period}&groupBy=${key}`;
  return (await product.api('GET', path)).body;
};

type Group = { key: string; tokens: number };

const sum = (amounts: { tokens: number }[]) =>
  amounts.reduce((total, { tokens }) => total + tokens, 0);

/** The groups, which must make up the total, as the days must. */
async function groupsBy(...asked: Parameters<typeof usageBy>): Promise<Group[]> {
  const { usedTokens, days, groups } = await usageBy(...asked);
  expect(sum(groups)).toBe(usedTokens);
  expect(sum(days)).toBe(usedTokens);
  return groups;
}

describe('usage is grouped by the metadata keys of USAGE_GROUP_KEYS', () => {
  test('most first, by each of the keys, with what has no value as (none)', async () => {
    const teamId = await freeTeam(product);
    await record(teamId, 10, { model: 'small', region: 'jkt' });
    await record(teamId, 30, { model: 'large', team: 'x' });
    await record(teamId, 5, { model: 'small' });
    await record(teamId, 7, {});
    await record(teamId, 1, { model: '' });
    expect(await groupsBy(teamId, 'model')).toEqual([
      { key: 'large', tokens: 30 },
      { key: 'small', tokens: 15 },
      { key: '', tokens: 1 },
      { key: '(none)', tokens: 7 },
    ]);
    expect(await groupsBy(teamId, 'region')).toEqual([
      { key: 'jkt', tokens: 10 },
      { key: '(none)', tokens: 43 },
    ]);
    const { body } = await product.api('GET', `/api/v1/teams/${teamId}/usage`);
    expect(body).not.toHaveProperty('groups');
  });

  test('a team without usage has no groups', async () => {
    expect(await groupsBy(await freeTeam(product), 'model')).toEqual([]);
  });

  test('values that are named like what Tagih adds are added to it', async () => {
    const teamId = await freeTeam(product);
    await record(teamId, 10, { model: '(none)' });
    await record(teamId, 20, { model: '(other)' });
    await record(teamId, 40, {});
    expect(await groupsBy(teamId, 'model')).toEqual([
      { key: '(other)', tokens: 20 },
      { key: '(none)', tokens: 50 },
    ]);
  });

  test('each event counts once in its group (R9), a correction in (none) (R13)', async () => {
    const teamId = await freeTeam(product);
    const usage = event(teamId, 30, { model: 'large' });
    await Promise.all(
      Array.from({ length: 10 }, () => product.api('POST', '/api/v1/usage', usage)),
    );
    const correction = { period: open.id, reason: 'counted twice', actor: 'ana' };
    await product.api('POST', '/api/v1/usage/corrections', {
      teamId,
      idempotencyKey: randomUUID(),
      tokens: -12,
      ...correction,
    });
    expect(await groupsBy(teamId, 'model')).toEqual([
      { key: 'large', tokens: 30 },
      { key: '(none)', tokens: -12 },
    ]);
  });

  test('a late event is in the groups of the day on which it occurred (R12)', async () => {
    const teamId = await freeTeam(product);
    await record(teamId, 30, { model: 'large' }, { occurredAt: dayOf(last, 4) });
    await record(teamId, 8, { model: 'large' });
    await record(teamId, 2, { model: 'small' }, { occurredAt: dayOf(last, 5) });
    expect(await groupsBy(teamId, 'model', last.id)).toEqual([
      { key: 'large', tokens: 30 },
      { key: 'small', tokens: 2 },
    ]);
    expect(await groupsBy(teamId, 'model')).toEqual([{ key: 'large', tokens: 8 }]);
  });

  test.each(['user', 'Model', '', 'model,region'])('by %j it is not', async (key) => {
    const teamId = await freeTeam(product);
    const path = `/api/v1/teams/${teamId}/usage?groupBy=${key}`;
    expect(await product.api('GET', path)).toMatchObject({
      status: 400,
      body: {
        errors: [{ path: 'groupBy', message: expect.stringMatching(/model, region/) }],
      },
    });
  });
});

describe('of a day 200 values of a key are told apart', () => {
  const valued = (teamId: string, from: number, count: number, more: object = {}) =>
    Array.from({ length: count }, (_, index) =>
      event(teamId, 1, { model: `m-${from + index}` }, more),
    );

  test('those after them are (other), those known go on', async () => {
    const teamId = await freeTeam(product);
    await batch(valued(teamId, 0, 190));
    await batch([...valued(teamId, 180, 40), event(teamId, 5, { model: 'm-3' })]);
    await record(teamId, 1, { model: 'm-3' });
    await record(teamId, 1, { model: 'another' });
    const groups = await groupsBy(teamId, 'model');
    expect(groups).toHaveLength(201);
    expect(groups).toContainEqual({ key: 'm-3', tokens: 7 });
    expect(groups).toContainEqual({ key: '(other)', tokens: 21 });
    expect(groups).not.toContainEqual(expect.objectContaining({ key: 'another' }));
    expect(await groupsBy(teamId, 'region')).toEqual([{ key: '(none)', tokens: 237 }]);
  });

  test('also when they come from many at once', async () => {
    const teamId = await freeTeam(product);
    const parts = Array.from({ length: 20 }, (_, part) => valued(teamId, part * 25, 50));
    await Promise.all(parts.map(batch));
    const groups = await groupsBy(teamId, 'model');
    expect(groups).toHaveLength(201);
    const other = groups.find(({ key }) => key === '(other)');
    expect(other?.tokens).toBe(1_000 - sum(groups.filter((group) => group !== other)));
  });

  test('the next day begins with its own', async () => {
    const teamId = await freeTeam(product);
    await batch(valued(teamId, 0, 210, { occurredAt: dayOf(last, 4) }));
    await batch(valued(teamId, 500, 10, { occurredAt: dayOf(last, 5) }));
    const groups = await groupsBy(teamId, 'model', last.id);
    expect(groups).toHaveLength(211);
    expect(groups).toContainEqual({ key: '(other)', tokens: 10 });
  });
});

test('days and groups make up the total at every moment, also while usage comes', async () => {
  const teamId = await freeTeam(product);
  await record(teamId, 3, { model: 'large' });
  let going = true;
  const load = Array.from({ length: 8 }, async () => {
    while (going) await record(teamId, 3, { model: 'large' });
  });
  const read: Group[][] = [];
  try {
    while (read.length < 60) read.push(await groupsBy(teamId, 'model'));
  } finally {
    going = false;
    await Promise.all(load);
  }
  const totals = read.map(sum);
  expect(read).toEqual(totals.map((tokens) => [{ key: 'large', tokens }]));
  expect(totals).toEqual(totals.toSorted((a, b) => a - b));
});
