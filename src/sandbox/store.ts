import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Kind, Of, Resource } from './objects.js';

type Scalar = string | number | boolean;
type Condition =
  | Scalar
  | null
  | undefined
  | Partial<Record<'gt' | 'gte' | 'lt' | 'lte', number | undefined>>
  | { not: Scalar }
  | { in: string[] }
  | { contains: string };
/** JSON paths and what they must hold; `undefined` asks for nothing, `null` for absence. */
export type Where = Record<string, Condition>;
interface Page {
  limit?: number | undefined;
  startingAfter?: string | undefined;
  endingBefore?: string | undefined;
}

/** The paths that lists are filtered by, so that none of them scans a whole kind. */
const INDEXED = [
  'customer',
  'invoice',
  'payment_intent',
  'parent.subscription_details.subscription',
  'charge',
];

const SCHEMA = `
  pragma journal_mode = wal;
  pragma synchronous = off;
  create table if not exists objects (
    seq integer primary key autoincrement, id text not null unique, kind text not null, json text not null);
  create index if not exists objects_kind on objects (kind, seq);
  create table if not exists due (id text primary key, clock text not null, at integer not null);
  create index if not exists due_at on due (clock, at);
  ${INDEXED.map((path, n) => `create index if not exists objects_${n} on objects (kind, ${field(path)}, seq) where ${field(path)} is not null;`).join('\n')}
`;

/** Every object of the sandbox, by kind and newest first, written through to one SQLite database. */
export class Store {
  readonly database: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();
  private depth = 0;

  constructor(file?: string) {
    this.database = new DatabaseSync(file ?? ':memory:');
    this.database.exec(SCHEMA);
  }

  close(): void {
    this.database.close();
  }

  /** The statement, compiled once: that takes longer than most of them run. */
  prepare(sql: string): StatementSync {
    const known = this.statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.database.prepare(sql);
    this.statements.set(sql, statement);
    return statement;
  }

  /** Runs `work` so that all of it is kept, or none when it throws (unless `keep` says otherwise). */
  transaction<T>(work: () => T, keep: (error: unknown) => boolean = () => false): T {
    const name = `level_${this.depth}`;
    this.prepare(`savepoint ${name}`).run();
    this.depth += 1;
    try {
      const result = work();
      this.prepare(`release ${name}`).run();
      return result;
    } catch (error) {
      if (!keep(error)) this.database.exec(`rollback to ${name}`);
      this.prepare(`release ${name}`).run();
      throw error;
    } finally {
      this.depth -= 1;
    }
  }

  /** What `work` would give; nothing that it did remains. */
  dryRun<T>(work: () => T): T {
    this.database.exec('savepoint dry_run');
    try {
      return work();
    } finally {
      this.database.exec('rollback to dry_run; release dry_run');
    }
  }

  insert(object: Resource): void {
    this.prepare('insert into objects (id, kind, json) values (?, ?, ?)').run(
      object.id,
      object.object,
      JSON.stringify(object),
    );
  }

  save(object: Resource): void {
    this.prepare('update objects set json = ? where id = ?').run(JSON.stringify(object), object.id);
  }

  /** Leaves only the knowledge that there was one. */
  bury(object: Resource): void {
    this.prepare("update objects set kind = 'deleted' where id = ?").run(object.id);
    this.schedule(object.id, null, null);
  }

  isBuried(id: string): boolean {
    return !!this.prepare("select 1 from objects where id = ? and kind = 'deleted'").get(id);
  }

  find<K extends Kind>(kind: K, id: string): Of<K> | undefined {
    const row = this.prepare('select json from objects where id = ? and kind = ?').get(id, kind);
    return row && JSON.parse(String(row.json));
  }

  /** Any object by its id, as an expansion needs it. */
  lookUp(id: string): Resource | undefined {
    const row = this.prepare("select json from objects where id = ? and kind <> 'deleted'").get(id);
    return row && JSON.parse(String(row.json));
  }

  all<K extends Kind>(kind: K, where: Where = {}): Of<K>[] {
    return this.select(kind, where, {}, -1);
  }

  newest<K extends Kind>(kind: K, where: Where = {}): Of<K> | undefined {
    return this.page(kind, where, { limit: 1 }).data[0];
  }

  /** One page, newest first, as Stripe's lists are. */
  page<K extends Kind>(kind: K, where: Where, page: Page): { data: Of<K>[]; hasMore: boolean } {
    const limit = page.limit ?? 10;
    const found = this.select(kind, where, page, limit + 1);
    const data = found.slice(0, limit);
    return {
      data: page.endingBefore === undefined ? data : data.reverse(),
      hasMore: found.length > limit,
    };
  }

  /** Newest first, but oldest first after `endingBefore`. A limit of -1 is none. */
  private select<K extends Kind>(kind: K, where: Where, page: Page, limit: number): Of<K>[] {
    const conditions = ['kind = ?'];
    const values: (string | number)[] = [kind];
    for (const [path, condition] of Object.entries(where)) {
      for (const [sql, value] of clauses(field(path), condition)) {
        conditions.push(sql);
        values.push(...value);
      }
    }
    const { startingAfter, endingBefore } = page;
    if (startingAfter !== undefined) conditions.push('seq < ?');
    else if (endingBefore !== undefined) conditions.push('seq > ?');
    const cursor = startingAfter ?? endingBefore;
    if (cursor !== undefined) values.push(this.seqOf(cursor));
    return this.prepare(
      `select json from objects where ${conditions.join(' and ')}
         order by seq ${endingBefore === undefined ? 'desc' : 'asc'} limit ?`,
    )
      .all(...values, limit)
      .map((row): Of<K> => JSON.parse(String(row.json)));
  }

  private seqOf(id: string): number {
    const row = this.prepare('select seq from objects where id = ?').get(id);
    return Number(row?.seq ?? 0);
  }

  /** Says when an object next does something by itself: on which test clock (null: wall clock), at which second. */
  schedule(id: string, clock: string | null, at: number | null): void {
    if (at === null) this.prepare('delete from due where id = ?').run(id);
    else
      this.prepare(
        `insert into due (id, clock, at) values (?, ?, ?)
           on conflict (id) do update set clock = excluded.clock, at = excluded.at`,
      ).run(id, clock ?? '', at);
  }

  nextDue(clock: string | null, until: number): { id: string; at: number } | undefined {
    const row = this.prepare(
      'select id, at from due where clock = ? and at <= ? order by at limit 1',
    ).get(clock ?? '', until);
    return row && { id: String(row.id), at: Number(row.at) };
  }
}

function field(path: string): string {
  return `json ->> '$.${path}'`;
}

function* clauses(column: string, condition: Condition): Generator<[string, (string | number)[]]> {
  if (condition === undefined) return;
  if (condition === null) yield [`${column} is null`, []];
  else if (typeof condition !== 'object') yield [`${column} = ?`, [plain(condition)]];
  else if ('not' in condition) yield [`${column} <> ?`, [plain(condition.not)]];
  else if ('contains' in condition) yield [`instr(${column}, ?) > 0`, [condition.contains]];
  else if ('in' in condition)
    yield [`${column} in (${condition.in.map(() => '?').join()})`, condition.in];
  else {
    const { gt, gte, lt, lte } = condition;
    if (gt !== undefined) yield [`${column} > ?`, [gt]];
    if (gte !== undefined) yield [`${column} >= ?`, [gte]];
    if (lt !== undefined) yield [`${column} < ?`, [lt]];
    if (lte !== undefined) yield [`${column} <= ?`, [lte]];
  }
}

/** SQLite's JSON gives booleans as 1 and 0. */
function plain(value: Scalar): string | number {
  return typeof value === 'boolean' ? Number(value) : value;
}
