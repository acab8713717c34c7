import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { GroupCommit, Overloaded } from '../../src/services/groupCommit.js';

// Time stands still until a test moves it: what happens all the same needs no timer.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'setInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

class Away extends Error {}

/** Commits that are under way until the test ends them. */
function heldCommits(ownerOf: (item: number) => string = String) {
  const begun: { items: readonly number[]; end(): void; fail(error: Error): void }[] = [];
  const commits = new GroupCommit<number, string>(
    (items) =>
      new Promise((resolve, reject) => {
        begun.push({ items, end: () => resolve(items.map(String)), fail: reject });
      }),
    ownerOf,
    (error) => error instanceof Away,
  );
  return { commits, begun };
}

const range = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => from + index);

/** Long enough for whatever needs no timer. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a commit', () => {
  test('begins at once with all that has come, without a timer', async () => {
    const { commits, begun } = heldCommits();
    const results = range(3).map((item) => commits.submit(item));
    await turn();
    expect(begun.map(({ items }) => items)).toEqual([[0, 1, 2]]);
    expect(vi.getTimerCount()).toBe(0);
    begun[0]?.end();
    expect(await Promise.all(results)).toEqual(['0', '1', '2']);
  });

  test('has two slots, takes up to 250 items, and the first that came first', async () => {
    const { commits, begun } = heldCommits();
    const results = range(900).map((item) => commits.submit(item));
    await turn();
    expect(begun.map(({ items }) => items)).toEqual([range(250), range(250, 250)]);
    begun[1]?.end();
    await turn();
    await turn();
    expect(begun.slice(2).map(({ items }) => items)).toEqual([range(250, 500)]);
    begun[0]?.end();
    await turn();
    await turn();
    expect(begun.slice(3).map(({ items }) => items)).toEqual([range(150, 750)]);
    for (const { end } of begun) end();
    expect(await Promise.all(results)).toEqual(range(900).map(String));
  });
});

test('what belongs to an owner of whom items are under way waits, and nobody else', async () => {
  const { commits, begun } = heldCommits((item) => (item < 10 ? 'one' : 'another'));
  const results = [1, 2, 11].map((item) => commits.submit(item));
  await turn();
  results.push(...[3, 12].map((item) => commits.submit(item)));
  await turn();
  expect(begun.map(({ items }) => items)).toEqual([[1, 2, 11]]);
  begun[0]?.end();
  await turn();
  await turn();
  expect(begun.slice(1).map(({ items }) => items)).toEqual([[3, 12]]);
  begun[1]?.end();
  expect(await Promise.all(results)).toEqual(['1', '2', '11', '3', '12']);
});

describe('an item that cannot be committed', () => {
  /** Refuses each commit with one of these, and tells how many there were. */
  function refusing(poisoned: ReadonlySet<number>) {
    const committed: number[] = [];
    let calls = 0;
    const commits = new GroupCommit<number, string>(
      async (items) => {
        calls += 1;
        const bad = items.find((item) => poisoned.has(item));
        if (bad !== undefined) throw new Error(`${bad} is bad`);
        committed.push(...items);
        return items.map(String);
      },
      String,
      () => false,
    );
    return { commits, committed, calls: () => calls };
  }

  test('fails alone, and is found by halving (R11)', async () => {
    const { commits, committed, calls } = refusing(new Set([77]));
    const results = await Promise.allSettled(range(250).map((item) => commits.submit(item)));
    for (const [item, result] of results.entries()) {
      if (item === 77) expect(result).toMatchObject({ reason: { message: '77 is bad' } });
      else expect(result).toEqual({ status: 'fulfilled', value: String(item) });
    }
    expect(committed).toEqual(range(250).filter((item) => item !== 77));
    expect(calls()).toBeLessThanOrEqual(1 + 2 * Math.ceil(Math.log2(250)));
  });

  test('keeps none of the others, whichever and however many they are (R11)', async () => {
    const items = fc.integer({ min: 1, max: 600 });
    await fc.assert(
      fc.asyncProperty(items, fc.uniqueArray(fc.nat(599)), async (count, bad) => {
        const { commits, committed } = refusing(new Set(bad));
        const results = await Promise.allSettled(range(count).map((item) => commits.submit(item)));
        const good = range(count).filter((item) => !bad.includes(item));
        expect(committed.toSorted((a, b) => a - b)).toEqual(good);
        const failed = results.flatMap((one, item) => (one.status === 'rejected' ? [item] : []));
        expect(failed).toEqual(range(count).filter((item) => bad.includes(item)));
      }),
      { numRuns: 30 },
    );
  });
});

describe('when the ledger is away', () => {
  test('all who wait are told at once, and the next are tried again', async () => {
    const { commits, begun } = heldCommits();
    const results = range(1_000).map((item) => commits.submit(item));
    const failed = Promise.allSettled(results);
    await turn();
    const away = new Away();
    begun[0]?.fail(away);
    await turn();
    expect(begun).toHaveLength(2);
    begun[1]?.end();
    const outcomes = await failed;
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(250);
    for (const [item, outcome] of outcomes.entries()) {
      if (item < 250 || item >= 500) expect(outcome).toMatchObject({ reason: away });
    }

    const next = commits.submit(5);
    await turn();
    begun[2]?.end();
    expect(await next).toBe('5');
  });
});

describe('what is too much', () => {
  test('is refused at once: 10,000 items wait beside those under way', async () => {
    const { commits, begun } = heldCommits();
    const under = range(500).map((item) => commits.submit(item));
    await turn();
    const waiting = range(10_000).map((item) => commits.submit(item));
    await expect(commits.submit(1)).rejects.toBeInstanceOf(Overloaded);
    begun[0]?.end();
    await turn();
    await turn();
    const room = commits.submit(2);
    begun.at(-1)?.fail(new Away());
    begun[1]?.end();
    const outcomes = await Promise.allSettled([...under, ...waiting, room]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(500);
  });

  test('is refused when it has waited for 10 s, so that nothing commits a minute late (R38)', async () => {
    const { commits, begun } = heldCommits();
    const under = range(500).map((item) => commits.submit(item));
    await turn();
    const old = commits.submit(500);
    vi.advanceTimersByTime(1);
    const young = commits.submit(501);
    vi.advanceTimersByTime(10_000);
    begun[0]?.end();
    await expect(old).rejects.toBeInstanceOf(Overloaded);
    await turn();
    expect(begun[2]?.items).toEqual([501]);
    for (const { end } of begun) end();
    expect(await young).toBe('501');
    expect(await Promise.all(under)).toHaveLength(500);
  });

  test('is not tried again when the commit that failed took that long (R38)', async () => {
    const { commits, begun } = heldCommits();
    const results = Promise.allSettled(range(4).map((item) => commits.submit(item)));
    await turn();
    vi.advanceTimersByTime(10_001);
    begun[0]?.fail(new Error('one is bad'));
    await turn();
    expect(begun).toHaveLength(1);
    for (const result of await results) {
      expect(result).toMatchObject({ reason: expect.any(Overloaded) });
    }
  });
});
