import type { TimelineEntry } from '../domain/team.js';
import type { Queryable } from './pool.js';

export interface TimelineRow extends TimelineEntry {
  id: number;
  at: Date;
}

export async function insertTimelineEntry(
  db: Queryable,
  teamId: string,
  at: Date,
  entry: TimelineEntry,
): Promise<void> {
  await db.query(
    `insert into tagih.timeline (team_id, at, kind, summary, cause, actor, details)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [teamId, at, entry.kind, entry.summary, entry.cause, entry.actor, entry.details],
  );
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
