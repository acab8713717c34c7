/** Too much waits, or waits too long: nothing was done, and the caller tries again. */
export class Overloaded extends Error {
  override name = 'Overloaded';
}

/** Commits under way at once: while one waits for the disk the next is being computed. */
const SLOTS = 2;
/** Items in a commit: more make it longer without making it cheaper. */
const ITEMS = 250;
/** Items that may wait: a second or two of work, and a bound for memory. */
const WAITING = 10_000;
/** From here to a commit's begin: with the 35 s that it may take that is less than the minute before a seal (R38). */
const PATIENCE_MS = 10_000;

/** Items of one caller, and what is known of them so far. */
interface Call<R> {
  readonly since: number;
  readonly results: R[];
  missing: number;
  resolve(results: R[]): void;
  reject(error: unknown): void;
}

/** One promise for a caller and one of these for each of its items: thousands wait at a time. */
interface Waiting<T, R> {
  readonly item: T;
  readonly call: Call<R>;
  readonly index: number;
}

/**
 * Gathers the items of many callers into few commits. There is no timer: a commit starts as soon as
 * a slot is free, with all that has come until then, less what belongs to an owner of whom items are
 * under way: the database would only let it wait for them, with all others in its commit.
 */
export class GroupCommit<T, R> {
  /** What waits, by owner; whoever waits longest comes first. */
  private readonly waiting = new Map<string, Waiting<T, R>[]>();
  private count = 0;
  private underWay = 0;
  /** Whose items are being committed. */
  private readonly busy = new Set<string>();
  private woken = false;

  /**
   * `commit` answers items in their order; when it throws, none of them was committed. `ownerOf` names
   * whose an item is, `isAway` tells the errors that say nothing of the items.
   */
  constructor(
    private readonly commit: (items: readonly T[]) => Promise<readonly R[]>,
    private readonly ownerOf: (item: T) => string,
    private readonly isAway: (error: unknown) => boolean,
  ) {}

  /** The result of an item, once it is committed. Throws `Overloaded`, and what `commit` throws of it. */
  async submit(item: T): Promise<R> {
    const [result] = await this.submitAll([item]);
    return result as R;
  }

  /** The results of items in their order, once all are committed. Throws what is thrown of the first that fails. */
  submitAll(items: readonly T[]): Promise<R[]> {
    if (this.count + items.length > WAITING) return Promise.reject(overloaded());
    return new Promise((resolve, reject) => {
      const missing = items.length;
      if (missing === 0) return resolve([]);
      const call = { since: Date.now(), results: new Array<R>(missing), missing, resolve, reject };
      for (const [index, item] of items.entries()) this.enqueue({ item, call, index });
      this.wake();
    });
  }

  private enqueue(one: Waiting<T, R>): void {
    const owner = this.ownerOf(one.item);
    const others = this.waiting.get(owner);
    if (others === undefined) this.waiting.set(owner, [one]);
    else others.push(one);
    this.count += 1;
  }

  /** After the requests that have come in are read, so that they share a commit. */
  private wake(): void {
    if (this.woken || this.underWay >= SLOTS) return;
    this.woken = true;
    setImmediate(() => {
      this.woken = false;
      this.start();
    });
  }

  private start(): void {
    while (this.underWay < SLOTS) {
      const batch = this.take();
      if (batch.length === 0) break;
      void this.work(batch);
    }
  }

  /**
   * All that waits of the owners who wait longest, of those of whom nothing is under way: items of one owner
   * cost less together.
   */
  private take(): Waiting<T, R>[] {
    const taken: Waiting<T, R>[] = [];
    for (const [owner, items] of this.waiting) {
      if (taken.length === ITEMS) break;
      if (this.busy.has(owner)) continue;
      taken.push(...items.splice(0, ITEMS - taken.length));
      if (items.length === 0) this.waiting.delete(owner);
    }
    this.count -= taken.length;
    return taken;
  }

  private async work(batch: readonly Waiting<T, R>[]): Promise<void> {
    const owners = new Set(batch.map(({ item }) => this.ownerOf(item)));
    for (const owner of owners) this.busy.add(owner);
    this.underWay += 1;
    const tell = await this.attempt(batch);
    this.underWay -= 1;
    for (const owner of owners) this.busy.delete(owner);
    // The database works on the next commit while the callers of this one are answered.
    this.start();
    tell();
  }

  /**
   * Commits what can be, and returns what tells the callers. One item that can't be committed fails alone:
   * the others are tried without it.
   */
  private async attempt(taken: readonly Waiting<T, R>[]): Promise<() => void> {
    const patient = Date.now() - PATIENCE_MS;
    const late = taken.filter(({ call }) => call.since < patient);
    // An error is dear to make: its stack is written down.
    if (late.length > 0) reject(late, overloaded());
    const items = taken.filter(({ call }) => call.since >= patient);
    if (items.length === 0) return () => {};
    try {
      const results = await this.commit(items.map(({ item }) => item));
      return () => resolve(items, results);
    } catch (error) {
      if (this.isAway(error)) {
        // All who wait are told at once, rather than one slot's time-out after the other.
        const all = [...items, ...[...this.waiting.values()].flat()];
        this.waiting.clear();
        this.count = 0;
        return () => reject(all, error);
      }
      if (items.length === 1) return () => reject(items, error);
      const half = items.length >> 1;
      const tellFirst = await this.attempt(items.slice(0, half));
      const tellSecond = await this.attempt(items.slice(half));
      return () => {
        tellFirst();
        tellSecond();
      };
    }
  }
}

function resolve<R>(items: readonly Waiting<unknown, R>[], results: readonly R[]): void {
  for (const [n, { call, index }] of items.entries()) {
    call.results[index] = results[n] as R;
    call.missing -= 1;
    if (call.missing === 0) call.resolve(call.results);
  }
}

function reject(items: readonly Waiting<unknown, unknown>[], error: unknown): void {
  for (const { call } of items) call.reject(error);
}

const overloaded = () => new Overloaded('Too much waits to be written.');
