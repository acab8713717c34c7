/** Changes in as many rounds as there are changes of one row: an update changes each row only once. */
export function rounds<T>(changes: Iterable<T>, rowOf: (change: T) => unknown): T[][] {
  const all: T[][] = [];
  const next = new Map<unknown, number>();
  for (const change of changes) {
    const row = rowOf(change);
    const index = next.get(row) ?? 0;
    next.set(row, index + 1);
    const round = all[index];
    if (round !== undefined) round.push(change);
    else all.push([change]);
  }
  return all;
}
