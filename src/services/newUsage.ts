import type { Queryable } from '../db/pool.js';
import type { TeamUsage } from '../db/teamUsage.js';
import { insertTimelineEntry } from '../db/timeline.js';
import type { GroupedTokens } from '../db/usageBreakdown.js';
import { catalogue } from '../domain/plans.js';
import type { RunningTotals } from '../domain/runningTotals.js';
import { thresholdCrossed } from '../domain/threshold.js';
import type { UsageEvent } from '../domain/usageEvent.js';
import { sendMails } from './mails.js';

/** The correction would take its period below zero. */
export class CorrectionBelowZero extends Error {
  override name = 'CorrectionBelowZero';
}

/**
 * Where a commit took a team over 80 or 100 % of its limit: a mail and a line of the timeline, once for
 * each period and threshold (R14). The team's total is locked until the commit is over, so no other
 * one crosses at the same time.
 */
export async function noteThreshold(
  db: Queryable,
  { teamId, period, plan }: TeamUsage,
  { before, peak }: RunningTotals,
  now: Date,
): Promise<void> {
  const { tokenLimit } = catalogue.plans[plan];
  const kind = thresholdCrossed(tokenLimit, before, peak);
  if (kind === null) return;
  const details = { period, plan, usedTokens: peak, tokenLimit };
  if (!(await sendMails(db, [{ teamId, kind, cause: period, details }], now.toISOString()))) return;
  const percent = kind === 'usage-80' ? 80 : 100;
  await insertTimelineEntry(db, teamId, now, {
    kind: kind.replace('-', '_'),
    summary: `${percent} % of the tokens of ${period} are used`,
    cause: period,
    actor: 'tagih',
    details: { period, usedTokens: peak, tokenLimit },
  });
}

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
      const name = JSON.stringify([teamId, key, day, value]);
      const group = groups.get(name);
      if (group === undefined) groups.set(name, { teamId, key, day, value, tokens });
      else group.tokens += tokens;
    }
  }
  return [...groups.values()];
}
