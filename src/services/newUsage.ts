import type { Queryable } from '../db/pool.js';
import type { TeamUsage } from '../db/teamUsage.js';
import { insertTimelineEntries, insertTimelineEntry } from '../db/timeline.js';
import type { GroupedTokens } from '../db/usageBreakdown.js';
import type { UsageMail } from '../domain/threshold.js';
import type { UsageEvent } from '../domain/usageEvent.js';
import { sendMails } from './mails.js';

/** The correction would take its period below zero. */
export class CorrectionBelowZero extends Error {
  override name = 'CorrectionBelowZero';
}

/** A team's total on its way over a threshold of its limit. */
export interface Crossing {
  usage: TeamUsage;
  kind: UsageMail;
  usedTokens: number;
  tokenLimit: number;
}

/**
 * A mail and a line of the timeline for each team that a commit took over 80 or 100 % of its limit, once for
 * each period and threshold (R14). The teams' totals are locked until the commit is over, so no other one
 * crosses at the same time.
 */
export async function noteThresholds(
  db: Queryable,
  crossings: readonly Crossing[],
  now: Date,
): Promise<void> {
  if (crossings.length === 0) return;
  const mails = crossings.map(({ usage: { teamId, period, plan }, kind, ...amounts }) => ({
    teamId,
    kind,
    cause: period,
    details: { period, plan, ...amounts },
  }));
  const sent = await sendMails(db, mails, now.toISOString());
  const isNew = new Set(sent.map(nameOf));
  const entries = mails.filter((mail) => isNew.has(nameOf(mail)));
  await insertTimelineEntries(
    db,
    now,
    entries.map(({ teamId, kind, cause, details: { plan: _, ...details } }) => ({
      teamId,
      kind: kind.replace('-', '_'),
      summary: `${kind === 'usage-80' ? 80 : 100} % of the tokens of ${cause} are used`,
      cause,
      actor: 'tagih',
      details,
    })),
  );
}

const nameOf = (mail: { teamId: string; kind: string; cause: string }) =>
  `${mail.teamId} ${mail.kind} ${mail.cause}`;

/** A line of the timeline for each correction (R13, R31). Throws `CorrectionBelowZero`. */
export async function noteCorrections(
  db: Queryable,
  recorded: ReadonlyMap<UsageEvent, TeamUsage>,
  now: Date,
): Promise<void> {
  for (const [{ teamId, idempotencyKey, tokens, period, correction }, { usedTokens }] of recorded) {
    if (correction === null) continue;
    if (usedTokens < 0) {
      throw new CorrectionBelowZero(
        `${period.id} has ${usedTokens - tokens} tokens: ${tokens} more would take it below zero.`,
      );
    }
    const { actor, reason } = correction;
    await insertTimelineEntry(db, teamId, now, {
      kind: 'usage_corrected',
      summary: `${actor}: ${reason}`,
      cause: idempotencyKey,
      actor,
      details: { period: period.id, tokens },
    });
  }
}

/** What events add to the groups of a day, by those of `keys` that their metadata has. */
export function groupTokens(
  events: Iterable<UsageEvent>,
  keys: readonly string[],
): GroupedTokens[] {
  const groups = new Map<string, GroupedTokens>();
  for (const { teamId, day, metadata, tokens } of events) {
    for (const key of keys) {
      const value = metadata[key];
      if (value === undefined) continue;
      // Of these the value alone may have a space in it.
      const name = `${teamId} ${day} ${key} ${value}`;
      const group = groups.get(name);
      if (group === undefined) groups.set(name, { teamId, key, day, value, tokens });
      else group.tokens += tokens;
    }
  }
  return [...groups.values()];
}
