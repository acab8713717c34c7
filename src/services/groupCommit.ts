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

interface Waiting<T, R> {
  item: T;
  since: number;
  resolve(result: R): void;
  reject(error: unknown): void;
}

/**
 * Gathers the items of many callers into few commits. There is no timer: a commit starts as soon as
 * a slot is free, with all that has come until then, less what belongs to an owner of whom items are
 * under way: the database would only let it wait for them, with all others in its commit.
 */
export class GroupCommit<T, R> {
  private waiting: Waiting<T, R>[] = [];
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
  submit(item: T): Promise<R> {
    if (this.waiting.length >= WAITING) return Promise.reject(overloaded());
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, since: Date.now(), resolve, reject });
      this.wake();
    });
  }

  /** After the requests that have come in are read, so that they share a commit. */
  private wake(): void {
    if (this.woken || this.underWay >= SLOTS) return;
    this.woken = true;
    setImmediate(() => {
      this.woken = false;
      while (this.underWay < SLOTS) {
        const batch = this.take();
        if (batch.length === 0) break;
        void this.work(batch);
      }
    });
  }

  /** The items that wait longest of those that may be committed now. */
  private take(): Waiting<T, R>[] {
    const taken: Waiting<T, R>[] = [];
    const left: Waiting<T, R>[] = [];
    for (const one of this.waiting) {
      const mayGo = taken.length < ITEMS && !this.busy.has(this.ownerOf(one.item));
      (mayGo ? taken : left).push(one);
    }
    this.waiting = left;
    return taken;
  }

  private async work(batch: readonly Waiting<T, R>[]): Promise<void> {
    const owners = new Set(batch.map(({ item }) => this.ownerOf(item)));
    for (const owner of owners) this.busy.add(owner);
    this.underWay += 1;
    await this.settle(batch);
    this.underWay -= 1;
    for (const owner of owners) this.busy.delete(owner);
    if (this.waiting.length > 0) this.wake();
  }

  /** One item that can't be committed fails alone: the others are tried without it. */
  private async settle(taken: readonly Waiting<T, R>[]): Promise<void> {
    const patient = Date.now() - PATIENCE_MS;
    for (const { since, reject } of taken) if (since < patient) reject(overloaded());
    const batch = taken.filter(({ since }) => since >= patient);
    if (batch.length === 0) return;
    try {
      const results = await this.commit(batch.map(({ item }) => item));
      for (const [index, { resolve }] of batch.entries()) resolve(results[index] as R);
    } catch (error) {
      if (this.isAway(error)) {
        // All who wait are told at once, rather than one slot's time-out after the other.
        for (const { reject } of [...batch, ...this.waiting.splice(0)]) reject(error);
      } else if (batch.length === 1) {
        batch[0]?.reject(error);
      } else {
        const half = batch.length >> 1;
        await this.settle(batch.slice(0, half));
        await this.settle(batch.slice(half));
      }
    }
  }
}

const overloaded = () => new Overloaded('Too much usage waits to be recorded.');
