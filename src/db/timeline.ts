import type { TimelineEntry } from '../domain/team.js';
import type { Queryable } from './pool.js';

export interface TimelineRow extends TimelineEntry {
  id: number;
  at: Date;
}

/** An entry of each of these teams. */
export async function insertTimelineEntries(
  db: Queryable,
  at: Date,
  entries: readonly (TimelineEntry & { teamId: string })[],
): Promise<void> {
  if (entries.length === 0) return;
  await db.query(
    `insert into tagih.timeline (team_id, at, kind, summary, cause, actor, details)
     select "teamId", $1, kind, summary, cause, actor, details from jsonb_to_recordset($2) as entry
       ("teamId" text, kind text, summary text, cause text, actor text, details jsonb)`,
    [at, JSON.stringify(entries)],
  );
}

export const insertTimelineEntry = (
  db: Queryable,
  teamId: string,
  at: Date,
  entry: TimelineEntry,
): Promise<void> => insertTimelineEntries(db, at, [{ ...entry, teamId }]);

/** An entry unless the team has one of this kind and cause, for what may be told twice. */
export async function insertTimelineEntryOnce(
  db: Queryable,
  teamId: string,
  at: Date,
  { kind, summary, cause, actor, details }: TimelineEntry,
): Promise<void> {
  await db.query(
    `insert into tagih.timeline (team_id, at, kind, summary, cause, actor, details)
     select $1, $2, $3, $4, $5, $6, $7 where not exists (
       select from tagih.timeline where team_id = $1 and kind = $3 and cause = $5)`,
    [teamId, at, kind, summary, cause, actor, details],
  );
}

/** The kind of the operator's act that a team's timeline has under this key (R31). */
export async function findActKind(
  db: Queryable,
  teamId: string,
  key: string,
): Promise<string | undefined> {
  const { rows } = await db.query<{ kind: string }>(
    `select kind from tagih.timeline
      where team_id = $1 and cause = $2 and kind like 'operator\\_%' limit 1`,
    [teamId, key],
  );
  return rows[0]?.kind;
}

/** The team's timeline, latest first, from before the row `beforeId`. */
export async function listTimeline(
  db: Queryable,
  teamId: string,
  beforeId: number,
  limit: number,
): Promise<TimelineRow[]> {
  const { rows } = await db.query<TimelineRow>(
    `select id, at, kind, summary, cause, actor, details from tagih.timeline
      where team_id = $1 and id < $2 order by id desc limit $3`,
    [teamId, beforeId, limit],
  );
  return rows;
}
