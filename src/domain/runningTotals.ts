/** A total before, after each of, and at most during, several events in their order. */
export interface RunningTotals {
  before: number;
  after: number[];
  peak: number;
}

/** The totals as events led to them, from the one after the last. */
export function runningTotals(total: number, events: readonly { tokens: number }[]): RunningTotals {
  const before = total - events.reduce((sum, { tokens }) => sum + tokens, 0);
  let used = before;
  const after = events.map(({ tokens }) => {
    used += tokens;
    return used;
  });
  return { before, after, peak: Math.max(before, ...after) };
}
