import type { CloseCounts, CloseStage } from '../domain/closeProgress.js';
import type { Page } from '../domain/page.js';
import { heldBetween } from './planPeriods.js';
import type { Queryable } from './pool.js';

export interface Close {
  period: string;
  status: CloseCounts['status'];
  teams: { total: number; done: number; failed: number };
  /** Minor units, of all records. */
  overage: number;
  /** What its progress is told from. */
  counts: CloseCounts;
  factsLeftBehind: number;
  /** Why it stopped, where it did by itself. */
  failure: string | null;
  startedAt: Date;
  finishedAt: Date | null;
}

/** What a close is, that ran before, when it runs anew: it knows of no fact left behind yet. */
const anew = `status = 'running', facts_left_behind = 0, failure = null,
  run = c.run + (c.finished_at is not null)::int, finished_at = null`;

/** Notes that a run of the close begins. */
export async function beginClose(db: Queryable, period: string, at: Date): Promise<void> {
  await db.query(
    `insert into tagih.closes as c (period, status, started_at, stages)
     values ($1, 'running', $2, jsonb_build_object('facts', $2::timestamptz))
     on conflict (period) do update set ${anew}, stages = excluded.stages`,
    [period, at],
  );
}

/**
 * Notes that a run of the close is to begin, unless the close has ended again since it was seen to have ended
 * at `endedAt`. A run that has begun already knows better where it is.
 */
export async function reopenClose(
  db: Queryable,
  period: string,
  at: Date,
  endedAt: Date | null,
): Promise<void> {
  await db.query(
    `insert into tagih.closes as c (period, status, started_at) values ($1, 'running', $2)
     on conflict (period) do update set ${anew},
         stages = case when c.finished_at is null then c.stages else '{}' end
      where c.finished_at is not distinct from $3`,
    [period, at, endedAt],
  );
}

/** Notes when a run of the close came to a stage; the first time counts. */
export async function noteStage(
  db: Queryable,
  period: string,
  stage: CloseStage,
  at: Date,
): Promise<void> {
  await db.query(
    `update tagih.closes set stages = stages || jsonb_build_object($2::text, $3::timestamptz)
      where period = $1 and not stages ? $2`,
    [period, stage, at],
  );
}

/** Notes that so many records of the period were written, in the transaction that writes them. */
export async function addRecords(
  db: Queryable,
  period: string,
  { count, overage }: { count: number; overage: number },
): Promise<void> {
  await db.query(
    'update tagih.closes set records = records + $2, overage = overage + $3 where period = $1',
    [period, count, overage],
  );
}

/**
 * Counts the records of the period, and those that are to be put on Stripe: some may have been written before
 * its close began.
 */
export async function noteRecords(db: Queryable, period: string): Promise<void> {
  await db.query(
    `update tagih.closes set (records, overage, to_bill) = (
       select count(*), coalesce(sum(overage_cost), 0), count(*) filter (where status = 'due')
         from tagih.usage_billings where period = $1)
      where period = $1`,
    [period],
  );
}

/** A run of a close that has ended. */
export interface EndedRun {
  period: string;
  /** Which one it is of those of the period, from 1. */
  run: number;
  begunAt: Date;
  at: Date;
  status: 'completed' | 'failed';
  /** Why it stopped, where it did by itself. */
  failure: string | null;
}

/** Notes that the run of a close that has begun last ends. */
export async function endClose(
  db: Queryable,
  ending: Omit<EndedRun, 'run' | 'begunAt'>,
): Promise<EndedRun> {
  const { period, status, at, failure } = ending;
  const { rows } = await db.query<Pick<EndedRun, 'run' | 'begunAt'>>(
    `update tagih.closes set status = $2, finished_at = $3, failure = $4 where period = $1
      returning run, coalesce((stages->>'facts')::timestamptz, started_at) as "begunAt"`,
    [period, status, at, failure],
  );
  const [run] = rows;
  if (run === undefined) throw new Error(`the close of ${period} has not begun`);
  return { ...ending, ...run };
}

/** Notes that the totals are what the events add up to (R33); the first time counts, later ones have fewer teams. */
export async function noteVerified(db: Queryable, period: string, at: Date): Promise<void> {
  await db.query(
    'update tagih.closes set verified_at = coalesce(verified_at, $2) where period = $1',
    [period, at],
  );
}

/** The months whose close has begun and not ended, the oldest first. */
export async function runningCloses(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{ period: string }>(
    "select period from tagih.closes where status = 'running' order by period",
  );
  return rows.map(({ period }) => period);
}

export async function leaveFactsBehind(
  db: Queryable,
  period: string,
  count: number,
): Promise<void> {
  await db.query('update tagih.closes set facts_left_behind = $2 where period = $1', [
    period,
    count,
  ]);
}

/**
 * Facts about teams that came before `cutoff` and are not in their plan history yet (R39): those that
 * wait for Temporal, those that it has and the team's workflow has not taken, and those for which
 * Stripe is being read, unless it was an event of after `cutoff` that asked first. Events that were taken
 * before it was noted when are known by their team, which remembers those of three days. Parked events are
 * none of them: their team may never appear, and a dispute that looks for its own changes no bill.
 */
export async function countFactsBefore(db: Queryable, cutoff: Date): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `select count(*)::int as count from (
       select fact->>'id' from tagih.outbox
        where created_at < $1 and workflow_id like 'subscription:%'
       union
       select e.id from tagih.stripe_events e join tagih.teams t on t.id = e.team_id
        where not e.ignored and e.received_at < $1
          and e.received_at > least($1, now()) - interval '3 days'
          and e.taken_at is null and (t.state is null or not t.state->'seen' ? e.id)
       union
       select t.id from tagih.teams t
         cross join lateral (values (t.state->'reading'->>'cause'), (t.state->'wanted'->>'cause'))
           as asked (cause)
        where asked.cause is not null and not exists (
          select from tagih.stripe_events e
           where e.id = asked.cause and e.received_at >= $1)) behind`,
    [cutoff],
  );
  return rows[0]?.count ?? 0;
}

/**
 * How far closes are. Asked each second, so nothing goes through all records: how many are to be billed, and
 * have failed, indices tell that hold no other.
 */
const selectClose = `
  select c.period, c.status, c.started_at as "startedAt", c.finished_at as "finishedAt",
         c.facts_left_behind as "factsLeftBehind", c.failure, c.overage,
         jsonb_build_object('total', greatest(c.teams, c.records),
           'done', greatest(0, c.records - due - failed), 'failed', failed) as teams,
         jsonb_build_object('status', c.status, 'stages', c.stages, 'teams', c.teams,
           'written', c.records, 'toBill', c.to_bill, 'due', due, 'failed', failed) as counts
    from tagih.closes c
    cross join lateral (select
      (select count(*)::int from tagih.usage_billings b
        where b.period = c.period and b.status = 'due') as due,
      (select count(*)::int from tagih.usage_billings b
        where b.period = c.period and b.status = 'failed') as failed) counted`;

/** How far the close of a period is; undefined when it was never started. */
export async function findClose(db: Queryable, period: string): Promise<Close | undefined> {
  const { rows } = await db.query<Close>(`${selectClose} where c.period = $1`, [period]);
  return rows[0];
}

/** How far the closes are that run, the oldest month first. */
export async function findRunningCloses(db: Queryable): Promise<Close[]> {
  const { rows } = await db.query<Close>(
    `${selectClose} where c.status = 'running' order by c.period`,
  );
  return rows;
}

/** What tells which months before a period ask for a close: usage, the first team, the closes that are through. */
export async function readPast(
  db: Queryable,
  period: string,
): Promise<{ used: string[]; closed: string[]; firstTeamAt: Date | null }> {
  const { rows } = await db.query<{ used: string[]; closed: string[]; firstTeamAt: Date | null }>(
    `select array(select distinct period from tagih.usage_totals where period < $1) as used,
            array(select period from tagih.closes
                   where period < $1 and status = 'completed') as closed,
            (select min(created_at) from tagih.teams) as "firstTeamAt"`,
    [period],
  );
  const [past] = rows;
  if (past === undefined) throw new Error('a select without a table has one row');
  return past;
}

/** Who has a record of a period (R39): $1 the period, $2 its start, $3 its end. */
const billable = `t.created_at < $3
  or exists (select from tagih.usage_totals u where u.team_id = t.id and u.period = $1)
  or exists (select from tagih.usage_late u where u.team_id = t.id and u.billed_in = $1)
  or exists (select from tagih.plan_periods p where p.team_id = t.id
       and ${heldBetween('$2', '$3')})
  or exists (select from tagih.usage_billings b where b.team_id = t.id and b.period < $1
       and b.status = 'carried_forward' and not exists (
         select from tagih.usage_billing_lines l
          where l.team_id = b.team_id and l.kind = 'carried' and l.period = b.period))`;

/** Notes how many teams have a record of the period: the end that the progress of its close goes to. */
export async function noteTeams(
  db: Queryable,
  { id, start, end }: { id: string; start: Date; end: Date },
): Promise<void> {
  await db.query(
    `update tagih.closes set teams = (select count(*) from tagih.teams t where ${billable})
      where period = $1`,
    [id, start, end],
  );
}

/**
 * Until the transaction ends no other writes records of these teams, for whatever period: two closes
 * at once would both bill what came late, or was carried forward. Usage is recorded all the same.
 */
export async function lockTeams(db: Queryable, { first, last }: Page): Promise<void> {
  await db.query(
    'select from tagih.teams where id between $1 and $2 order by id for no key update',
    [first, last],
  );
}

/** Ranges of the teams that have a record of the period, each of `size` teams at most. */
export async function rangesOfTeams(
  db: Queryable,
  { id, start, end }: { id: string; start: Date; end: Date },
  size: number,
): Promise<Page[]> {
  const { rows } = await db.query<Page>(
    `select min(id) as first, max(id) as last from (
       select t.id, (row_number() over (order by t.id) - 1) / $4 as page
         from tagih.teams t where ${billable}) numbered
      group by page order by page`,
    [id, start, end, size],
  );
  return rows;
}

/** The teams of a range that are to have a record of the period, and have none yet. */
export async function teamsWithoutRecord(
  db: Queryable,
  { id, start, end }: { id: string; start: Date; end: Date },
  range: Page,
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select t.id from tagih.teams t where t.id between $4 and $5 and (${billable})
        and not exists (select from tagih.usage_billings b where b.team_id = t.id and b.period = $1)
      order by t.id`,
    [id, start, end, range.first, range.last],
  );
  return rows.map((row) => row.id);
}
