/** What a close does, one after the other. */
export const closeStages = ['facts', 'seal', 'verify', 'records', 'summaries', 'billing'] as const;

export type CloseStage = (typeof closeStages)[number];

/**
 * How much of a close is behind it when a stage ends, in percent: of 100,000 teams, as it was measured.
 * Stripe's rate makes billing the longest by far, and how much is to be billed is known when it begins.
 */
const ENDS: Record<CloseStage, number> = {
  facts: 1,
  seal: 2,
  verify: 5,
  records: 12,
  summaries: 15,
  billing: 100,
};

/** A close that has not ended is not all done, whatever has been counted. */
const ALMOST = 99.9;

/** What the ledger has of a close. */
export interface CloseCounts {
  status: 'running' | 'completed' | 'failed';
  /** When this run of it came to its stages. */
  stages: Partial<Record<CloseStage, string>>;
  /** How many records there are to be, and are. */
  teams: number;
  written: number;
  /** Records that were to be put on Stripe when billing began, and those that still are. */
  toBill: number;
  due: number;
  /** Records that Stripe has refused. */
  failed: number;
}

/** How far a close is. It never goes back while a run of the close lasts. */
export interface CloseProgress {
  /** What it does, or did when it stopped; null: it is completed, or has done nothing yet. */
  stage: CloseStage | null;
  /** Records of this stage, where it is one that counts them: written, or billed. */
  done: number;
  total: number;
  /** Of the whole close, from 0 to 100, with one decimal. */
  percent: number;
  /** Records a second since the stage began; null where none is done, or it does not run. */
  perSecond: number | null;
  /** When it ends at that rate; null before billing begins, for nobody knows how much that is. */
  expectedEnd: Date | null;
}

/** How far a close is at an instant, by what the ledger has of it. */
export function closeProgress(counts: CloseCounts, now: Date): CloseProgress {
  const stage = closeStages.findLast((name) => name in counts.stages) ?? null;
  const [done, total] = countsOf(stage, counts);
  if (counts.status === 'completed') {
    return { stage: null, done, total, percent: 100, perSecond: null, expectedEnd: null };
  }
  const percent = stage === null ? 0 : percentOf(stage, done, total);
  const since = stage === null ? undefined : counts.stages[stage];
  const seconds = since === undefined ? 0 : (now.getTime() - Date.parse(since)) / 1_000;
  const runs = counts.status === 'running' && done > 0 && seconds > 0;
  const perSecond = runs ? done / seconds : null;
  const expectedEnd =
    stage === 'billing' && perSecond !== null
      ? new Date(now.getTime() + ((total - done) / perSecond) * 1_000)
      : null;
  return { stage, done, total, percent, perSecond, expectedEnd };
}

/** How far a whole close is, in percent with one decimal, that has done so much of a stage. */
export function percentOf(stage: CloseStage, done: number, total: number): number {
  const before = closeStages[closeStages.indexOf(stage) - 1];
  const from = before === undefined ? 0 : ENDS[before];
  const share = total === 0 ? 0 : Math.min(1, done / total);
  const percent = from + (ENDS[stage] - from) * share;
  return Math.min(ALMOST, Math.floor(percent * 10) / 10);
}

function countsOf(
  stage: CloseStage | null,
  { teams, written, toBill, due }: CloseCounts,
): [done: number, total: number] {
  if (stage === 'records') return [Math.min(written, teams), teams];
  return stage === 'billing' ? [Math.max(0, toBill - due), toBill] : [0, 0];
}
